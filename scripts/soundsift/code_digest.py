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
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from soundsift.files import whole_file

PACKAGE = "soundsift"
SCRIPTS = Path(__file__).resolve().parent.parent
# Modules that change how a step reports or how its libraries are compiled, but not its results.
SILENT = {f"{PACKAGE}.errors", f"{PACKAGE}.joblog", f"{PACKAGE}.numba_cache"}
# Errors whose message goes to the user and into no table.
MESSAGES = {"ConfigError", "InputError", "DownloadError", "TrainingError"}
# A dotted name of a module of the package, as a whole string.
MODULE_NAME = re.compile(rf"{PACKAGE}(\.\w+)+")
# A string that may be the name of a module or of a template.
NAME = re.compile(r"[\w./-]{1,100}")
# A quoted file name in a template, as in {% include "page.css" %}.
QUOTED_NAME = re.compile(r"""["']([\w./-]+)["']""")
# Files that the cache knows. One version of the package has about 200.
MOST_KNOWN = 5000
# What a cached answer depends on besides the file. ``ast.unparse`` differs between versions of Python.
_OWN_CODE = sys.version.encode() + Path(__file__).read_bytes()
# Keys that the cache file lacks.
_NEW: list[str] = []


class _Source(NamedTuple):
    """Digest of a file's code in hex digits, the (module, name) that it imports, and strings that look like names."""

    digest: str
    imports: list[tuple[str, str]]
    strings: list[str]


@cache
def imported(path: Path, scripts: Path = SCRIPTS) -> frozenset[Path]:
    """Find the files of the package that a file imports, at its top or inside its functions.

    Python runs the ``__init__.py`` of every folder above a module first, so these files are included. What the package
    itself offers to programs is left out: no step uses it.
    """
    if path == scripts / PACKAGE / "__init__.py":
        return frozenset()
    source = _read(path)
    modules = {text for text in source.strings if MODULE_NAME.fullmatch(text)}
    for module, name in source.imports:
        whole = f"{module}.{name}" if name else module
        modules.add(whole if _files_of(tuple(whole.split(".")), scripts) else module)
    found: set[Path] = set()
    for module in modules:
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
def _read(path: Path) -> _Source:
    content = path.read_bytes()
    key = hashlib.sha256(_OWN_CODE + content).hexdigest()
    if key not in _known():
        _known()[key] = _source_of(content)
        _NEW.append(key)
    return _known()[key]


def _source_of(content: bytes) -> _Source:
    tree = ast.parse(content)
    imports: set[tuple[str, str]] = set()
    strings: set[str] = set()
    for node in _without_unused_code(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports |= set(_imports_of(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
            strings.add(node.value)
    return _Source(hashlib.sha256(ast.unparse(tree).encode()).hexdigest(), sorted(imports), sorted(strings))


@cache
def _known() -> dict[str, _Source]:
    """What earlier processes have read, by content: reading all files takes most of a second, at each start."""
    try:
        return {key: _Source(*source) for key, source in json.loads(_cache_file().read_bytes()).items()}
    except (OSError, RuntimeError, ValueError, TypeError, AttributeError):
        return {}


def _remember() -> None:
    """Write what is known, if this process has read something new. Without a writable cache, nothing is kept."""
    if not _NEW:
        return
    of_others = _known()
    kept = of_others if len(of_others) <= MOST_KNOWN else {key: of_others[key] for key in _NEW}
    with suppress(OSError, RuntimeError), whole_file(_cache_file()) as temporary:
        temporary.write_text(json.dumps(kept))
    _NEW.clear()


def _cache_file() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / PACKAGE / "code_digests.json"


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


def _imports_of(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] == PACKAGE)
    elif node.module and node.module.split(".")[0] == PACKAGE:
        yield from ((node.module, alias.name) for alias in node.names)


@cache
def _templates(path: Path, scripts: Path) -> frozenset[Path]:
    """Find the files in ``templates/`` beside a module that it names in a string, and those that they include."""
    there = _files_below(path.parent / "templates")
    found: set[Path] = set()
    names = set(_read(path).strings)
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
    digests = {path: bytes.fromhex(_read(path).digest) for path in found}
    for path in found:
        digests |= {file: hashlib.sha256(file.read_bytes()).digest() for file in _templates(path, scripts)}
    _remember()
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
