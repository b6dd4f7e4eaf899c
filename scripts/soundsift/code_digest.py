"""Which version of our own code a result was made with.

Snakemake notices a changed script, not a changed module that the script imports. A digest of those modules among a
rule's params makes it notice. Comments, docstrings and layout do not count: two million clips are not extracted again
for a better sentence. Imports for type checkers alone do not count either.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "soundsift"
SCRIPTS = Path(__file__).resolve().parent.parent
# Modules that say how a step reports, not what it makes.
SILENT = {f"{PACKAGE}.errors", f"{PACKAGE}.joblog"}
# How a template names another one.
INCLUDED = re.compile(r"""["']([\w./-]+)["']""")


@cache
def imported(path: Path, scripts: Path = SCRIPTS) -> frozenset[Path]:
    """Find the package's files that a file imports, at its top or inside its functions.

    A module counts with the ``__init__.py`` of every folder above it, which Python runs first.
    """
    found: set[Path] = set()
    for module in _modules_named(ast.parse(path.read_text(encoding="utf-8")), scripts):
        parts = module.split(".")
        for n in range(1, len(parts) + 1):
            name = ".".join(parts[:n])
            place = scripts.joinpath(*parts[:n])
            if name not in SILENT:
                found |= {file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()}
    return frozenset(found - {path})


def _modules_named(tree: ast.AST, scripts: Path) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            assert node.module
            for alias in node.names:
                place = scripts.joinpath(*node.module.split("."), alias.name)
                is_module = place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()
                yield f"{node.module}.{alias.name}" if is_module else node.module
        else:
            yield from _modules_named(node, scripts)


@cache
def _code(path: Path) -> str:
    """The file's code without comments, docstrings, strings that describe the name above them, and layout."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)] or [ast.Pass()]
    return "" if isinstance(tree.body[0], ast.Pass) else ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def _templates(path: Path) -> frozenset[Path]:
    """Find the files in ``templates/`` beside a module that it names in a string, and those that they include."""
    folder = path.parent / "templates"
    if not folder.is_dir():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    waiting = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    found: set[Path] = set()
    there = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    while names := {name for name in waiting if name in there and there[name] not in found}:
        found |= {there[name] for name in names}
        waiting = {text for name in names for text in INCLUDED.findall(there[name].read_text(encoding="utf-8"))}
    return frozenset(found)


@cache
def code_digest(script: str, scripts: Path = SCRIPTS) -> str:
    """Digest of every file of the package that ``scripts/{script}.py`` reaches by its imports (16 hex digits)."""
    found: set[Path] = set()
    waiting = set(imported(scripts / f"{script}.py", scripts))
    while waiting:
        path = waiting.pop()
        found.add(path)
        waiting |= imported(path, scripts) - found
    texts = {path: _code(path) for path in found}
    texts |= {file: file.read_text(encoding="utf-8") for path in found for file in _templates(path)}
    digest = hashlib.sha256()
    for path in sorted(texts):
        digest.update(f"{path.relative_to(scripts).as_posix()}\n{texts[path]}\n".encode())
    return digest.hexdigest()[:16]
