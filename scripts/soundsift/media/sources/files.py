"""Media on disk."""

import mimetypes
import os
import shutil
from glob import escape, glob
from pathlib import Path

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.errors import MediaError
from soundsift.media.archive import Archive, Record
from soundsift.media.sources.base import Media
from soundsift.metadata.batches import Clip


class LocalFiles:
    """Media on disk: given a second name in the archive, or read where they are, or copied. Asking costs nothing."""

    def __init__(self, source: SourceParams, policy: RequestPolicy) -> None:
        self.source, self.link = source, policy.link

    def close(self) -> None:
        """Nothing is held open."""

    def abort(self) -> None:
        """Nothing takes long enough."""

    def find(self, clip: Clip) -> Path | None:
        """Find the one file the template names for a clip; ``.*`` at its end stands for any container."""
        path = clip.url(self.source.url.removeprefix("file://"))
        if not path.endswith(".*"):
            return Path(path) if Path(path).is_file() else None
        found = [name for name in glob(escape(path[:-1]) + "*") if _sounds(name) is not False and Path(name).is_file()]
        # an unknown ending only where there is no other
        return min(map(Path, found), key=lambda path: (not _sounds(path.name), path.name), default=None)

    def is_current(self, clip: Clip, record: Record, archive: Archive) -> bool:
        """Whether the archive holds the file as it stands on disk, or none stands there any more."""
        path = self.find(clip)
        if path is None or record.media is None:
            return path is None and record.outcome == "ok"
        found = path.stat()
        return (
            record.trimmed == self.source.trimmed
            and (record.bytes, record.modified_ns) == (found.st_size, found.st_mtime_ns)
            and (self.link or not path.samefile(archive.root / archive.folder(clip.clip_id) / record.media))
        )

    def __call__(self, clip: Clip, scratch: Path) -> Media:
        path = self.find(clip)
        if path is None:
            raise MediaError("not_found", f"no file {Path(clip.url(self.source.url)).name}")
        if not os.access(path, os.R_OK):
            raise MediaError("forbidden", f"{path.name} may not be read")
        begins = clip.start_seconds if self.source.trimmed else 0.0
        target = scratch / f"media{path.suffix}"
        if not self.link:
            shutil.copy2(path, target)
            return Media(target, begins, whole=True)
        try:
            os.link(path.resolve(), target)
        except OSError:  # another file system, or one without links
            target = path
        return Media(target, begins, whole=True)


def _sounds(name: str) -> bool | None:
    """Whether a file holds sound by its ending; None where that does not say."""
    kind = mimetypes.guess_type(name)[0]
    if name.endswith(".part"):
        return False
    return None if kind is None else kind.startswith(("audio/", "video/", "application/ogg"))
