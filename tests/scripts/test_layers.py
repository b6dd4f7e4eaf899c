"""The folders of the package are the stages of the workflow: a folder imports only from those above it."""

import ast
from pathlib import Path

import pytest

from soundsift.code_digest import SCRIPTS, imported

PACKAGE = SCRIPTS / "soundsift"
# Modules at the top of the package that every folder may import. Others at the top may import every folder.
BASE = (
    "__init__", "arrays", "errors", "files", "tables", "templates", "joblog", "workers", "homes", "numba_cache",
    "code_digest",
)  # fmt: skip
ORDER = ("base", "config", "metadata", "media", "features", "detectors", "detection", "report", "top")

TYPING = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from soundsift.report import page"


def layer(path: Path, package: Path = PACKAGE) -> int:
    """Position in :data:`ORDER` of a module's folder."""
    first, *rest = path.relative_to(package).parts
    if rest:
        return ORDER.index(first)
    return ORDER.index("base" if path.stem in BASE else "top")


def named_for_type_checkers(path: Path, scripts: Path) -> set[Path]:
    """Modules that a file names in ``from soundsift... import``, type checkers' imports included."""
    found: set[Path] = set()
    if path == scripts / "soundsift" / "__init__.py":
        return found  # what the package offers to programs
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "soundsift":
            place = scripts.joinpath(*str(node.module).split("."))
            found |= {(place / alias.name).with_suffix(".py") for alias in node.names} | {place.with_suffix(".py")}
    return {file for file in found if file.is_file()}


def against_the_order(scripts: Path = SCRIPTS) -> list[str]:
    """Imports against :data:`ORDER`, as ``importer -> imported``."""
    package = scripts / "soundsift"
    return [
        f"{path.relative_to(package)} -> {other.relative_to(package)}"
        for path in sorted(package.rglob("*.py"))
        for other in sorted(imported(path, scripts) | named_for_type_checkers(path, scripts))
        if layer(other, package) > layer(path, package)
    ]


def test_no_folder_imports_from_one_below_it() -> None:
    assert against_the_order() == []


@pytest.mark.parametrize("line", ["from soundsift.report import page", TYPING])
def test_an_import_of_report_in_media_is_noticed(line: str, copy_of_scripts: Path) -> None:
    module = copy_of_scripts / "soundsift" / "media" / "coverage.py"
    module.write_text(module.read_text() + f"\n{line}\n")
    found = against_the_order(copy_of_scripts)
    assert "media/coverage.py -> report/page.py" in found
    assert all(entry.startswith("media/coverage.py -> report/") for entry in found)
