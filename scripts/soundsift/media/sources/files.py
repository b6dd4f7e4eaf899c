"""Media files on disk."""

import os
import shutil
from pathlib import Path

from soundsift.config.sources import folder_of, label_of
from soundsift.errors import MediaError, SourceError
from soundsift.media.archive import Record
from soundsift.media.files_on_disk import found_at
from soundsift.media.sources.base import Media, Source, fill_template
from soundsift.metadata.batches import Clip


class FileSource(Source):
    """Files on disk. They are linked into the archive, read in place where links are not possible, or copied."""

    is_remote = False

    def address(self, clip: Clip) -> str:
        """Return ``file:`` and the file's name without its folder."""
        return f"file:{Path(fill_template(self.params.url, clip)).name}"

    def find(self, clip: Clip) -> Path | None:
        """Find the file that the template names for a clip; ``.*`` at its end stands for one ending."""
        return found_at(fill_template(self.params.url.removeprefix("file://"), clip))

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
            # not of Path: its is_dir raises the error of a connection that was lost
            if not os.path.isdir(folder_of(self.params.url) or "."):
                raise SourceError(
                    "network",
                    f"the folder of {label_of(self.params.url)} is not there: mount the disk or correct its address, "
                    "and run the same command again; what was fetched is in the archive",
                )
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
