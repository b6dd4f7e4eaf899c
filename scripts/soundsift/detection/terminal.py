"""What ``soundsift detect`` shows on the terminal: the table of segments, and its progress."""

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from soundsift.detection.formats import Answer, printable
from soundsift.detection.segments import Segment
from soundsift.media.stream import length_of

BAR_WIDTH = 24
HEADER = f"{'start':>10} {'end':>10}  {'detector':<12} {'probability':>11}  recording"


def one_line(text: str) -> str:
    """Escape line breaks and other control characters, which names of files may hold."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in printable(text)
    )


def rows_of(answer: Answer) -> Iterator[str]:
    """Rows of the table on the terminal. A recording without segments has one row too."""
    place = one_line(str(answer.recording))
    for segment in answer.in_order:
        yield row_of(segment, place)
    if not answer.result.segments:
        what = "nothing" if answer.result.was_read else answer.result.outcome
        yield f"{'-':>10} {'-':>10}  {what:<12} {'-':>11}  {place}"


def row_of(segment: Segment, place: str) -> str:
    start, end, detector, probability = segment
    return f"{start:10.1f} {end:10.1f}  {detector:<12} {probability:11.3f}  {place}"


class Progress:
    """A bar on the terminal: files, seconds of sound, and time left by the lengths that the files state."""

    def __init__(self, recordings: Mapping[str, Path]) -> None:
        self._is_shown = sys.stderr.isatty()
        self._n_files, self._n_done, self._heard = len(recordings), 0, 0.0
        self._of_file = 0.0
        self._total = sum(length_of(path) for path in recordings.values()) if self._is_shown else 0.0
        self._began = time.monotonic()

    def heard(self, n_seconds: float) -> None:
        """Count sound of a recording that is being analysed."""
        self._of_file += n_seconds
        self._show()

    def done(self, answer: Answer) -> None:
        """Count a recording as done."""
        self._heard, self._of_file = self._heard + answer.result.duration_seconds, 0.0
        self._n_done += 1
        self._show()

    def clear(self) -> None:
        """Remove the bar, so that a line can be printed in its place."""
        if self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _show(self) -> None:
        if not self._is_shown:
            return
        heard = self._heard + self._of_file
        share = min(1.0, heard / self._total) if self._total else self._n_done / self._n_files
        left = (time.monotonic() - self._began) * (1 - share) / share if share else 0.0
        bar = "#" * round(BAR_WIDTH * share)
        files = f"{self._n_done} of {self._n_files} files"
        text = f"[{bar:<{BAR_WIDTH}}] {files}, {heard:.0f} s of sound, {left:.0f} s left"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
