"""The folders of the package are the stages of the workflow: a folder imports only from those above it."""

from pathlib import Path

from soundsift.code_digest import SCRIPTS, imported

PACKAGE = SCRIPTS / "soundsift"
# Modules at the top of the package that every folder may import. Others at the top may import every folder.
BASE = ("__init__", "errors", "files", "tables", "templates", "joblog", "workers", "code_digest")
ORDER = ("base", "config", "metadata", "media", "features", "detectors", "detection", "report", "top")


def layer(path: Path, package: Path = PACKAGE) -> int:
    """Position in :data:`ORDER` of a module's folder."""
    first, *rest = path.relative_to(package).parts
    if rest:
        return ORDER.index(first)
    return ORDER.index("base" if path.stem in BASE else "top")


def against_the_order(scripts: Path = SCRIPTS) -> list[str]:
    """Imports against :data:`ORDER`, as ``importer -> imported``."""
    package = scripts / "soundsift"
    return [
        f"{path.relative_to(package)} -> {other.relative_to(package)}"
        for path in sorted(package.rglob("*.py"))
        for other in sorted(imported(path, scripts))
        if layer(other, package) > layer(path, package)
    ]


def test_no_folder_imports_from_one_below_it() -> None:
    assert against_the_order() == []


def test_an_import_of_report_in_media_is_noticed(copy_of_scripts: Path) -> None:
    module = copy_of_scripts / "soundsift" / "media" / "coverage.py"
    module.write_text(module.read_text() + "\nfrom soundsift.report import page\n")
    found = against_the_order(copy_of_scripts)
    assert "media/coverage.py -> report/page.py" in found
    assert all(line.startswith("media/coverage.py -> report/") for line in found)
