"""Durations of files, each read once."""

import csv
import io
import logging
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Self

import av

from soundsift.errors import MediaError
from soundsift.files import write_text
from soundsift.media.containers import FrameTimes, decoded_frames, header_seconds, is_joined, opened, reason_of
from soundsift.media.files_on_disk import found_at

# Formats of WAV and its relatives: the duration follows from the size of the data, which decoding need not count.
SIZED = ("wav", "w64", "au", "caf", "ogg")
COLUMNS = ("path", "bytes", "modified_ns", "seconds")


class Durations:
    """Durations by path. They are kept in a file, and read again only if the media file has another size or time.

    Parameters
    ----------
    cache
        CSV file with :data:`COLUMNS`; it need not exist.
    places
        Paths with the field ``{file}`` where a file may be; the first that is there is taken.
    """

    def __init__(self, cache: Path, places: Sequence[str] = ("{file}",)) -> None:
        self._cache, self._places = cache, places
        self._unread: dict[str, str] = {}
        self._known: dict[str, tuple[int, int, float]] = {}
        self._n_read = 0
        try:
            for row in csv.DictReader(io.StringIO(cache.read_text(encoding="utf-8"), newline="")):
                self._known[row["path"]] = int(row["bytes"]), int(row["modified_ns"]), float(row["seconds"])
        except (OSError, ValueError, KeyError, TypeError):  # a lost or damaged cache is made again
            self._known = {}

    def seconds_of(self, path: Path) -> float | None:
        """Return the duration of a file in seconds; None if it is missing or cannot be decoded.

        Parameters
        ----------
        path
            As the list names the file.
        """
        paths = [place.format(file=path) for place in self._places]
        there = next(filter(None, map(found_at, paths)), None)
        try:
            if there is None:
                raise MediaError("not_found", "no such file" if paths else "not on disk: give it times in the list")
            found = there.stat()
            known = self._known.get(str(there))
            if known is None or known[:2] != (found.st_size, found.st_mtime_ns):
                known = (found.st_size, found.st_mtime_ns, duration_of(there))
                self._known[str(there)] = known
                self._n_read += 1
        except (OSError, MediaError) as error:
            reason = error.reason if isinstance(error, MediaError) else str(error.strerror)
            self._unread.setdefault(str(there or [*paths, path][0]), reason)
            return None
        return known[2]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Write what was read to the file."""
        if self._n_read:
            text = io.StringIO(newline="")
            writer = csv.writer(text)
            writer.writerow(COLUMNS)
            writer.writerows((path, *known) for path, known in sorted(self._known.items()))
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            write_text(text.getvalue(), self._cache)
            logging.info("the durations of %d files were read", self._n_read)
        for path, reason in self._unread.items():
            logging.warning("%s: %s", path, reason)
        for path, reason in islice(self._unread.items(), 1):
            logging.getLogger("soundsift").warning(
                "%d files without times are missing or cannot be decoded, for example %s (%s); paths count from the "
                "folder of the list, or are made by download.url", len(self._unread), path, reason,
            )  # fmt: skip


def duration_of(path: Path) -> float:
    """Return the duration of the sound of a file in seconds: what its header states, or what decoding gives.

    Raises
    ------
    MediaError
        If the file has no sound, or cannot be decoded at all.
    """
    try:
        with opened(path) as container:
            if not container.streams.audio:
                raise MediaError("no_audio", f"{path.name} has no sound stream")
            stated = header_seconds(path, container)
            stream = container.streams.audio[0]
            sized = container.format.name in SIZED and stream.codec_context.name.startswith(("pcm_", "opus", "vorbis"))
            sized = sized and not is_joined(path, container)
            if not stated and sized and stream.duration is not None and stream.time_base is not None:
                stated = float(stream.duration * stream.time_base)
            return stated or _decoded_seconds(container)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError("corrupt", f"{path.name} cannot be decoded: {reason_of(error)}") from error


def _decoded_seconds(container: "av.container.InputContainer") -> float:
    """Decode a file, and return where its sound ends; raise the first error if there is no sound."""
    times = FrameTimes(container)
    broken: av.FFmpegError | None = None
    for frame in decoded_frames(container, container.streams.audio[0]):
        if isinstance(frame, av.FFmpegError):
            broken = broken or frame
        else:
            times.gap_before(frame)
    if times.began_seconds is None:
        raise broken or ValueError("it holds no sound")
    return times.ends_seconds
