"""Names of modules in docstrings, comments and strings exist."""

import re
from pathlib import Path

from soundsift.code_digest import SCRIPTS

REFERENCE = re.compile(r"(?<![\w/.-])soundsift((?:\.\w+)+)")
# files inside model files, not modules
OTHER = {".json", ".npz"}


def exists(reference: str, scripts: Path = SCRIPTS) -> bool:
    """Whether a dotted name below the package is a folder, a module, or something defined at the top of a module."""
    place = scripts / "soundsift"
    parts = reference.strip(".").split(".")
    for position, part in enumerate(parts):
        module = place / f"{part}.py"
        if module.is_file():
            rest = parts[position + 1 :]
            text = module.read_text(encoding="utf-8")
            return not rest or re.search(rf"^(?:(?:def|class) )?{rest[0]}\b", text, flags=re.MULTILINE) is not None
        place /= part
        if not place.is_dir():
            return False
    return True


def test_a_reference_to_a_module_or_to_a_name_in_it_exists() -> None:
    dead = [
        f"{path.relative_to(SCRIPTS)}: soundsift{reference}"
        for path in sorted(SCRIPTS.rglob("*.py"))
        for reference in REFERENCE.findall(path.read_text(encoding="utf-8"))
        if reference not in OTHER and not exists(reference)
    ]
    assert dead == []


def test_a_reference_to_nothing_is_noticed() -> None:
    assert exists(".media") and exists(".media.pace") and exists(".metadata.batches.Clip")
    assert not exists(".pace") and not exists(".metadata.batches.Clips")
