"""Media files on disk."""

import mimetypes
import os
import shutil
from glob import escape, glob
from pathlib import Path

from soundsift.errors import MediaError
from soundsift.media.archive import Record
from soundsift.media.decode import holds_sound
from soundsift.media.durations import found_as
from soundsift.media.sources.base import Media, Source, fill_template
from soundsift.metadata.batches import Clip

# Downloads that are not complete.
INCOMPLETE = (".part", ".crdownload", ".ytdl")


class FileSource(Source):
    """Files on disk. They are linked into the archive, read in place where links are not possible, or copied."""

    is_remote = False

    def address(self, clip: Clip) -> str:
        """Return ``file:`` and the file's name without its folder."""
        return f"file:{Path(fill_template(self.params.url, clip)).name}"

    def find(self, clip: Clip) -> Path | None:
        """Find the file that the template names for a clip; ``.*`` at its end stands for one ending."""
        path = fill_template(self.params.url.removeprefix("file://"), clip)
        if not path.endswith(".*"):
            return found_as(path)
        names = (name for name in glob(escape(path[:-1]) + "*") if not name.endswith(INCOMPLETE))
        # a name with a further dot is another file: garden.old.wav is not garden.*
        found = sorted(Path(name) for name in names if "." not in name[len(path) - 1 :])
        found = [path for path in found if path.is_file() and (not _is_other_kind(path) or holds_sound(path))]
        # a single file that cannot be decoded is found, and damaged
        return next(filter(holds_sound, found), found[0]) if len(found) > 1 else next(iter(found), None)

    def is_current(self, clip: Clip, record: Record, media: Path) -> bool:
        """Return whether the file on disk is unchanged since it was taken, or no longer exists."""
        path = self.find(clip)
        if path is None:
            return True
        found = path.stat()
        return (
            record.trimmed == self.params.trimmed
            and (record.bytes, record.modified_ns) == (found.st_size, found.st_mtime_ns)
            # a copy must not be a link to the original
            and (self.policy.link or not path.samefile(media))
        )

    def fetch(self, clip: Clip, scratch: Path) -> Media:
        """Link or copy a file. It is not decoded here: faults of the file are found when clips are converted."""
        path = self.find(clip)
        if path is None:
            raise MediaError("not_found", f"no file {Path(fill_template(self.params.url, clip)).name}")
        if not os.access(path, os.R_OK):
            raise MediaError("forbidden", f"{path.name} may not be read")
        modified_ns = path.stat().st_mtime_ns
        target = scratch / f"media{path.suffix}"
        if self.policy.link:
            try:
                os.link(path.resolve(), target)
            except OSError:  # another file system, or one without links
                target = path
        else:
            shutil.copy2(path, target)
        begins = clip.start_seconds if self.params.trimmed else 0.0
        return Media(target, begins, whole=True, modified_ns=modified_ns)


def _is_other_kind(path: Path) -> bool:
    """Whether the ending of a file belongs to something else, such as JSON. WavPack has such an ending."""
    kind = mimetypes.guess_type(path.name)[0]
    return kind is not None and not kind.startswith(("audio/", "video/", "application/ogg"))
