"""Finding the media files that a list or a template names."""

import mimetypes
import os
import unicodedata
from glob import escape, glob
from pathlib import Path

import av

from soundsift.media.containers import opened

# Downloads that are not complete.
INCOMPLETE = (".part", ".crdownload", ".ytdl")


def found_at(path: str) -> Path | None:
    """Find a file; ``.*`` at the end of its path stands for one ending. None if there is none."""
    if not path.endswith(".*"):
        return _found_as(path)
    names = (name for name in glob(escape(path[:-1]) + "*") if not name.endswith(INCOMPLETE))
    # a name with a further dot is another file: garden.old.wav is not garden.*
    found = sorted(Path(name) for name in names if "." not in name[len(path) - 1 :])
    found = [path for path in found if os.path.isfile(path) and (not _is_other_kind(path) or holds_sound(path))]
    # a single file that cannot be decoded is found, and damaged
    return next(filter(holds_sound, found), found[0]) if len(found) > 1 else next(iter(found), None)


def _found_as(path: str) -> Path | None:
    """Find a file whose name may be written in another form: macOS writes accents in another one than most lists."""
    forms = (path, unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path))
    return next((Path(form) for form in forms if os.path.isfile(form)), None)


def holds_sound(path: Path) -> bool:
    """Return whether the decoder finds a sound stream in a file."""
    try:
        with opened(path) as container:
            return bool(container.streams.audio)
    except (av.FFmpegError, OSError, ValueError):
        return False


def _is_other_kind(path: Path) -> bool:
    """Whether the ending of a file belongs to something else, such as JSON. WavPack has such an ending."""
    kind = mimetypes.guess_type(path.name)[0]
    return kind is not None and not kind.startswith(("audio/", "video/", "application/ogg"))
