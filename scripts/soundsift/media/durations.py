"""Durations of files, each read once."""

import csv
import io
import logging
import os
import unicodedata
from pathlib import Path
from typing import Self

import av

from soundsift.errors import MediaError
from soundsift.files import write_text
from soundsift.media.containers import FrameTimes, decoded_frames, header_seconds, is_joined, opened, reason_of

# Formats of WAV and its relatives: the duration follows from the size of the data, which decoding need not count.
SIZED = ("wav", "w64", "au", "caf", "ogg")
COLUMNS = ("path", "bytes", "modified_ns", "seconds")


class Durations:
    """Durations by path. They are kept in a file, and read again only if the media file has another size or time.

    Parameters
    ----------
    cache
        CSV file with :data:`COLUMNS`; it need not exist.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._known: dict[str, tuple[int, int, float]] = {}
        self._n_read = 0
        try:
            for row in csv.DictReader(io.StringIO(cache.read_text(encoding="utf-8"), newline="")):
                self._known[row["path"]] = int(row["bytes"]), int(row["modified_ns"]), float(row["seconds"])
        except (OSError, ValueError, KeyError, TypeError):  # a lost or damaged cache is made again
            self._known = {}

    def seconds_of(self, path: Path) -> float | None:
        """Return the duration of a file in seconds; None if it is missing or cannot be decoded."""
        try:
            there = found_as(str(path)) or path
            found = there.stat()
            known = self._known.get(str(path))
            if known is None or known[:2] != (found.st_size, found.st_mtime_ns):
                known = (found.st_size, found.st_mtime_ns, duration_of(there))
                self._known[str(path)] = known
                self._n_read += 1
        except (OSError, MediaError) as error:
            logging.warning("%s: %s", path, error.reason if isinstance(error, MediaError) else error.strerror)
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


def found_as(path: str) -> Path | None:
    """Find a file whose name may be written in another form: macOS writes accents in another one than most lists."""
    forms = (path, unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path))
    return next((Path(form) for form in forms if os.path.isfile(form)), None)


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
