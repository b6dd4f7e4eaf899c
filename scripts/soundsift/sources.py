"""Which version of our own code a result was made with.

Snakemake notices a changed script, not a changed module that the script imports. A digest of those modules
among a rule's params makes it notice. Comments, docstrings and layout do not count: two million clips are
not extracted again for a better sentence.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent
# Modules that say how a step reports, not what it makes.
SILENT = {"errors", "joblog"}


@cache
def imported(path: Path) -> frozenset[str]:
    """Names of the package's modules that a file imports, at its top or inside its functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "soundsift":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("soundsift."):
            names.add((node.module or "").split(".")[1])
    return frozenset(names - SILENT)


@cache
def _code(path: Path) -> str:
    """The file's code without comments, docstrings and layout."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
            if not node.body and not isinstance(node, ast.Module):
                node.body = [ast.Pass()]
    return ast.unparse(tree)


@cache
def code_digest(script: str, scripts: Path = SCRIPTS) -> str:
    """Digest of every package module that ``scripts/{script}.py`` reaches by its imports (16 hex digits)."""
    found: set[str] = set()
    waiting = set(imported(scripts / f"{script}.py"))
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= imported(scripts / "soundsift" / f"{name}.py") - found
    digest = hashlib.sha256()
    for name in sorted(found):
        digest.update(f"{name}\n{_code(scripts / 'soundsift' / f'{name}.py')}\n".encode())
    return digest.hexdigest()[:16]
