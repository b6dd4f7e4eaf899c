"""Rows that name a file without times: one clip, or clips of equal length."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from soundsift.config.clips import LengthParams
from soundsift.metadata.lists import Segments

# Rounding errors of times.
EPSILON = 1e-6


@dataclass(frozen=True)
class WholeFiles:
    """How rows without times are divided.

    Attributes
    ----------
    lengths
        Length of the clips.
    min_seconds
        A shorter rest at the end of a file is left out, unless it is the whole file.
    durations
        File that keeps the durations.
    """

    lengths: LengthParams = field(default_factory=LengthParams)
    min_seconds: float = 0.0
    durations: Path = Path("resources/durations.csv")


WHOLE = WholeFiles()


def divide(segments: Segments, duration_of: Callable[[Path], float | None], params: WholeFiles) -> Segments:
    """Give times to the rows that name a whole file. A row may become several clips, which follow each other.

    Parameters
    ----------
    duration_of
        Returns the duration of a file in seconds; None if it cannot be read. Such a row keeps NaN as its end.
    """
    whole = np.flatnonzero(np.isnan(segments.end_seconds))
    if segments.file is None or not len(whole):
        return segments
    counts = np.ones(len(segments), dtype=np.int64)
    times = list(zip(segments.start_seconds.tolist(), segments.end_seconds.tolist(), strict=True))
    parts = [[pair] for pair in times]
    for i in whole.tolist():
        duration = duration_of(Path(segments.file[i].as_py()))
        if duration is not None:
            parts[i] = _parts(duration, params)
            counts[i] = len(parts[i])
    flat = np.array([pair for found in parts for pair in found])
    old = np.repeat(np.arange(len(segments)), counts)
    take = pa.array(old)
    # the labels of a row are consecutive
    n_labels = np.bincount(segments.row, minlength=len(segments))
    first_label = np.r_[0, np.cumsum(n_labels)[:-1]]
    labels = np.concatenate([np.arange(first_label[i], first_label[i] + n_labels[i]) for i in old])
    return replace(
        segments,
        video_id=segments.video_id.take(take), start_seconds=flat[:, 0], end_seconds=flat[:, 1],
        line=segments.line[old], file=segments.file.take(take),
        row=np.repeat(np.arange(len(old)), n_labels[old]).astype(np.int32), code=segments.code[labels],
        group=segments.group.take(take) if segments.group is not None else None,
        fold=segments.fold.take(take) if segments.fold is not None else None,
        clip_id=segments.clip_id.take(take) if segments.clip_id is not None else None,
    )  # fmt: skip


def _parts(duration: float, params: WholeFiles) -> list[tuple[float, float]]:
    """Divide a file; times are whole milliseconds, like those in clip ids."""
    length = params.lengths.length_seconds
    if length is None:
        return [(0.0, duration)]
    hop = params.lengths.hop_seconds or length
    n_full = max(0, int(np.floor((duration - length + EPSILON) / hop)) + 1)
    parts = [(round(i * hop, 3), round(i * hop + length, 3)) for i in range(n_full)]
    rest = n_full * hop
    covered = parts[-1][1] if parts else 0.0
    if not parts or (duration - rest >= params.min_seconds and duration > covered + EPSILON):
        parts.append((round(rest, 3), duration))
    return parts
