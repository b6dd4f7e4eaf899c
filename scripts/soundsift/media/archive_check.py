"""Comparing every medium of an archive with its record."""

from pathlib import Path

from soundsift.files import sha256_of
from soundsift.media.archive import SCRATCH, WHOLE_FILES, Archive, read_record
from soundsift.media.archive_uses import IN_USE

# Files in the archive's own folder that belong to it: the shared state and locks of soundsift.media.pace.
SHARED_STATE = frozenset({"pace.json", "pace.lock", "videos.lock", WHOLE_FILES})


def check(archive: Archive) -> tuple[int, list[str]]:
    """Compare every medium with its record.

    Returns
    -------
    (n_records, faults)
        Each fault is one line: a medium that is missing, has another checksum or has no record, or a record that cannot
        be read or is in the wrong folder.
    """
    n_records, faults = 0, []
    if not archive.root.exists():
        return 0, []
    for folder in sorted(
        path for path in archive.root.iterdir() if path.is_dir() and path.name not in (SCRATCH, IN_USE)
    ):
        n_of_folder, of_folder = _check_folder(archive, folder)
        n_records += n_of_folder
        faults += of_folder
    faults += [
        f"{path.name} does not belong to the archive"
        for path in archive.root.iterdir()
        if path.name not in SHARED_STATE and not path.is_dir()
    ]
    return n_records, faults


def _check_folder(archive: Archive, folder: Path) -> tuple[int, list[str]]:
    n_records, faults, media = 0, [], set()
    for path in sorted(folder.glob("*.json")):
        name = str(path.relative_to(archive.root))
        try:
            record = read_record(path)
        except (OSError, ValueError, TypeError):
            faults.append(f"{name} is not a record")
            continue
        n_records += 1
        if archive.record_path(record.clip_id) != path:
            faults.append(f"{name} is the record of {record.clip_id}, which belongs elsewhere")
        if record.media is not None:
            media.add(record.media)
            if not (folder / record.media).is_file():
                faults.append(f"{folder.name}/{record.media} is missing")
            elif sha256_of(folder / record.media) != record.sha256:
                faults.append(f"{folder.name}/{record.media} differs from its checksum")
    strays = sorted(path.name for path in folder.iterdir() if path.suffix != ".json" and path.name not in media)
    return n_records, faults + [f"{folder.name}/{stray} belongs to no record" for stray in strays]
