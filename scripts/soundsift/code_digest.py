"""Digests of the code that each step uses.

Snakemake notices a changed script, but not a changed module that the script imports. Each rule therefore has a digest
of these modules among its params. Comments, docstrings, layout and imports for type checkers do not change a digest:
two million clips are not extracted again because a sentence was improved.

The digest follows three references: ``from soundsift... import ...`` anywhere in a file, a string that is the dotted
name of a module (for ``python -m``), and a string that names a template. It cannot follow relative and star imports,
``import soundsift...``, a folder imported by its name, or a computed name. ``tests/unit/test_code_digest.py`` forbids
these forms in the package.
"""

import ast
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = "soundsift"
SCRIPTS = Path(__file__).resolve().parent.parent
# Modules that change how a step reports, but not its results.
SILENT = {f"{PACKAGE}.errors", f"{PACKAGE}.joblog"}
# Errors whose message goes to the user and into no table.
MESSAGES = {"ConfigError", "InputError", "DownloadError", "TrainingError"}
# A dotted name of a module of the package, as a whole string.
MODULE_NAME = re.compile(rf"{PACKAGE}(\.\w+)+")
# A quoted file name in a template, as in {% include "page.css" %}.
QUOTED_NAME = re.compile(r"""["']([\w./-]+)["']""")


@dataclass(frozen=True)
class _Source:
    """Digest of a file's code, and the modules, templates and other strings that it names."""

    digest: bytes
    modules: frozenset[str]
    strings: frozenset[str]


@cache
def imported(path: Path, scripts: Path = SCRIPTS) -> frozenset[Path]:
    """Find the files of the package that a file imports, at its top or inside its functions.

    Python runs the ``__init__.py`` of every folder above a module first, so these files are included. What the package
    itself offers to programs is left out: no step uses it.
    """
    if path == scripts / PACKAGE / "__init__.py":
        return frozenset()
    found: set[Path] = set()
    for module in _read(path, scripts).modules:
        parts = module.split(".")
        for n in range(1, len(parts) + 1):
            if ".".join(parts[:n]) not in SILENT:
                found |= set(_files_of(tuple(parts[:n]), scripts))
    return frozenset(found - {path})


@cache
def _files_of(parts: tuple[str, ...], scripts: Path) -> tuple[Path, ...]:
    """File of a module or package; empty if there is none."""
    place = scripts.joinpath(*parts)
    return tuple(file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())


@cache
def _read(path: Path, scripts: Path) -> _Source:
    tree = ast.parse(path.read_bytes())
    modules: set[str] = set()
    strings: set[str] = set()
    for node in _without_unused_code(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules |= set(_modules_of(node, scripts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.add(node.value)
    modules |= {text for text in strings if MODULE_NAME.fullmatch(text)}
    return _Source(hashlib.sha256(ast.unparse(tree).encode()).digest(), frozenset(modules), frozenset(strings))


def _without_unused_code(tree: ast.AST) -> Iterator[ast.AST]:
    """Remove from a tree what does not change a result, and yield its nodes.

    Removed are docstrings, code for type checkers, messages of errors, meanings of columns and ranges of keys.
    """
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        for field in ("body", "orelse", "finalbody"):
            part = getattr(node, field, None)
            if isinstance(part, list):
                setattr(node, field, [kept for statement in part for kept in _used(statement)])
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _name_of(node.exc.func) in MESSAGES:
            node.exc.args, node.exc.keywords = [], []
        elif isinstance(node, ast.Call) and _name_of(node.func) == "Column":
            node.args, node.keywords = node.args[:3], [given for given in node.keywords if given.arg != "meaning"]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.annotation, ast.Subscript):
            node.annotation = _without_range(node.annotation)
        waiting += ast.iter_child_nodes(node)
        yield node


def _name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _without_range(annotation: ast.Subscript) -> ast.expr:
    """The type in ``Annotated[type, range]``."""
    is_annotated = _name_of(annotation.value) == "Annotated" and isinstance(annotation.slice, ast.Tuple)
    return annotation.slice.elts[0] if is_annotated and isinstance(annotation.slice, ast.Tuple) else annotation


def _used(statement: ast.stmt) -> list[ast.stmt]:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return []  # a docstring, or a string that describes the name above it
    if isinstance(statement, ast.Pass):
        return []
    if isinstance(statement, ast.If) and ast.unparse(statement.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        return [kept for other in statement.orelse for kept in _used(other)]
    return [statement]


def _modules_of(node: ast.Import | ast.ImportFrom, scripts: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE)
    elif node.module and node.module.split(".")[0] == PACKAGE:
        for alias in node.names:
            name = f"{node.module}.{alias.name}"
            yield name if _files_of(tuple(name.split(".")), scripts) else node.module


@cache
def _templates(path: Path, scripts: Path) -> frozenset[Path]:
    """Find the files in ``templates/`` beside a module that it names in a string, and those that they include."""
    there = _files_below(path.parent / "templates")
    found: set[Path] = set()
    names = set(_read(path, scripts).strings)
    while files := {there[name] for name in names if name in there} - found:
        found |= files
        names = {name for file in files for name in QUOTED_NAME.findall(file.read_text("utf-8", "replace"))}
    return frozenset(found)


@cache
def _files_below(folder: Path) -> dict[str, Path]:
    return {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}


@cache
def code_digest(script: str, scripts: Path = SCRIPTS) -> str:
    """Compute a digest (16 hex digits) of ``scripts/{script}.py`` and the files of the package that it reaches.

    The profiles switch off Snakemake's own comparison of scripts, which goes by time stamps.
    """
    found = {scripts / f"{script}.py"}
    waiting = set(imported(scripts / f"{script}.py", scripts))
    while waiting:
        path = waiting.pop()
        found.add(path)
        waiting |= imported(path, scripts) - found
    digests = {path: _read(path, scripts).digest for path in found}
    for path in found:
        digests |= {file: hashlib.sha256(file.read_bytes()).digest() for file in _templates(path, scripts)}
    digest = hashlib.sha256()
    for path in sorted(digests):
        digest.update(f"{path.relative_to(scripts).as_posix()}\n".encode() + digests[path])
    return digest.hexdigest()[:16]


def use_in_jobs(scripts: Path = SCRIPTS) -> None:
    """Let every job import the package from ``scripts``.

    A job looks for an installed package before it looks beside its script, so another version could run than the one
    that the digest describes. Jobs inherit the environment; on a cluster each job calls this again.
    """
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(scripts), before] if before else [str(scripts)])
