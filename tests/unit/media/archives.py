"""Archives with a few clips: shared by the tests of reading, writing and checking."""

from pathlib import Path

from soundsift.media.archive import Record
from soundsift.media.archive_writer import ArchiveWriter

CLIP = "--PJHxphWEs_30000"


def record(**known: object) -> Record:
    usual = {"clip_id": CLIP, "video_id": "--PJHxphWEs", "outcome": "ok"}
    return Record(**{**usual, "url": "https://www.youtube.com/watch?v=--PJHxphWEs", **known})


def keep(held: ArchiveWriter, content: bytes = b"sound", suffix: str = ".m4a", **known: object) -> Record:
    kept = record(**known)
    with held.scratch() as scratch:
        (scratch / f"media{suffix}").write_bytes(content)
        held.write(kept, scratch / f"media{suffix}")
    return kept


def files(root: Path) -> set[str]:
    return {path.name for path in root.rglob("*") if path.is_file()}
