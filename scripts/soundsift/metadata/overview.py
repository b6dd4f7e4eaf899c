"""The balance of the classes at a glance, before anything is downloaded."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soundsift.metadata.selection import CHOICE_ROWS, draw

# Classes that are shown; results/metadata/classes.csv of a run has all.
N_CLASSES = 30
PER_DETECTOR = (50, 100, 500, 1000, 5000)
N_BATCHES = (1, 10, 100, 1000)


def overview(
    clips: pa.Table, labels: pa.Table, excluded: pa.Table, batch_size: int, seed: int, warnings: Sequence[str] = ()
) -> str:
    """Describe the selected clips: classes, truths of each detector, and what a stricter selection would take.

    Parameters
    ----------
    clips, labels, excluded
        The tables of ``select_clips``.
    batch_size, seed
        ``batch_size`` and ``metadata.seed`` of the configuration.
    warnings
        What was said about the lists.
    """
    splits = [split for split in ("train", "eval") if split in pc.unique(clips["split"]).to_pylist()]
    detectors = [name for name in clips.column_names if name.startswith("is_")]
    reasons = Counter(excluded["reason"].to_pylist())
    left_out = "".join(f"; {n:,} {reason}" for reason, n in reasons.most_common())
    text = [f"Warning: {line}" for line in warnings]
    text += [f"{clips.num_rows:,} clips of {clips.num_rows + excluded.num_rows:,} rows{left_out}", ""]
    text += _table(["detector", "split", "with", "without", "unknown"], _truths(clips, splits, detectors))
    text += ["", *_table(["class", *splits], _classes(clips, labels, splits))]
    text += ["", *_table(["metadata.per_detector", "clips"], _per_detector(clips, detectors, batch_size, seed))]
    text += ["", *_table(["metadata.max_clips", "clips"], _first_rows(clips, batch_size))]
    return "\n".join(text) + "\n"


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lay out a table; numbers are on the right."""
    cells = [list(header), *([f"{c:,}" if isinstance(c, int) else str(c) for c in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    is_text = [False] * len(header)
    for row in rows if isinstance(rows, list) else ():
        is_text = [isinstance(cell, str) for cell in row]
    return [
        "  ".join(c.ljust(w) if left else c.rjust(w) for c, w, left in zip(row, widths, is_text, strict=True)).rstrip()
        for row in cells
    ]


def _truths(clips: pa.Table, splits: Sequence[str], detectors: Sequence[str]) -> list[Sequence[object]]:
    rows: list[Sequence[object]] = []
    for name in detectors:
        for split in splits:
            found = Counter(clips.filter(pc.equal(clips["split"], split))[name].to_pylist())
            rows.append((name.removeprefix("is_"), split, found[True], found[False], found[None]))
    return rows


def _classes(clips: pa.Table, labels: pa.Table, splits: Sequence[str]) -> list[Sequence[object]]:
    counts = {
        split: Counter(pc.list_flatten(clips.filter(pc.equal(clips["split"], split))["label_ids"]).to_pylist())
        for split in splits
    }
    total = sum(counts.values(), Counter())
    names = dict(zip(labels["label_id"].to_pylist(), labels["display_name"].to_pylist(), strict=True))
    shown = [(names[i], *(counts[split][i] for split in splits)) for i, _ in total.most_common(N_CLASSES)]
    n_more = len(total) - len(shown)
    return [*shown, *([(f"and {n_more} more", *(0 for _ in splits))] if n_more > 0 else [])]


def _positions(clips: pa.Table, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """List of every clip, and the position of the first row of its batch."""
    parts = pc.extract_regex(clips["batch"].combine_chunks(), r"^(?P<list>.+)-(?P<number>\d+)$")
    number = pc.cast(pc.struct_field(parts, "number"), pa.int64()).to_numpy()
    return pc.struct_field(parts, "list").dictionary_encode().indices.to_numpy(), number * batch_size


def _per_detector(clips: pa.Table, detectors: Sequence[str], batch_size: int, seed: int) -> list[tuple[int, int]]:
    """Count the clips that ``metadata.per_detector`` would take, as it takes them."""
    list_of, position = _positions(clips, batch_size)
    key = np.array([draw(clip_id, seed) for clip_id in clips["clip_id"].to_pylist()])
    order = np.lexsort((key, position // CHOICE_ROWS, list_of))
    rank: list[np.ndarray] = []
    for name in detectors:
        truth = pc.fill_null(pc.cast(clips[name], pa.int8()), -1).to_numpy()
        for side in (1, 0):
            of_side = order[truth[order] == side]
            place = np.full(clips.num_rows, np.iinfo(np.int64).max)
            for number in np.unique(list_of):
                mine = of_side[list_of[of_side] == number]
                place[mine] = np.arange(len(mine))
            rank.append(place)
    best = np.min(rank, axis=0)
    rows = [(n, int((best < n).sum())) for n in PER_DETECTOR]
    return [row for i, row in enumerate(rows) if i == 0 or row[1] > rows[i - 1][1]]


def _first_rows(clips: pa.Table, batch_size: int) -> list[tuple[int, int]]:
    """Count the clips of the first rows of each list."""
    _, position = _positions(clips, batch_size)
    rows = [(n * batch_size, int((position < n * batch_size).sum())) for n in N_BATCHES]
    return [row for i, row in enumerate(rows) if i == 0 or row[1] > rows[i - 1][1]]
