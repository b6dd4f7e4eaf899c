"""The metadata as people look at them: which rows became clips, every class, what is true of how many clips."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soundsift.metadata.columns import REASONS

PREVIEW_CLIPS = 200  # of each split: the report holds them, the whole table is clips.parquet
MOST_FREQUENT = 8  # classes of each detector in the table of what is heard together


def rows_by_fate(clips: pa.Table, excluded: pa.Table) -> pa.Table:
    """Count what became of the rows of each list: one row per list and fate, with its share in percent."""
    kept = pc.replace_substring_regex(clips["batch"], r"-\d+$", "")
    fates = pa.table(
        {
            "list": pa.concat_arrays([kept.combine_chunks(), excluded["list"].combine_chunks()]),
            "fate": pa.concat_arrays([pa.repeat("kept", clips.num_rows), excluded["reason"].combine_chunks()]),
        }
    )
    counted = fates.group_by(["list", "fate"], use_threads=False).aggregate([([], "count_all")]).to_pylist()
    n_rows = {row["list"]: 0 for row in counted}
    for row in counted:
        n_rows[row["list"]] += row["count_all"]
    order = {fate: i for i, fate in enumerate(REASONS)}
    return pa.Table.from_pylist(
        [
            {
                "list": row["list"],
                "became": "a wanted clip" if row["fate"] == "kept" else f"left out: {row['fate']}",
                "rows": row["count_all"],
                "percent": round(100 * row["count_all"] / n_rows[row["list"]], 1),
                "because": REASONS[row["fate"]],
            }
            for row in sorted(counted, key=lambda row: (list(n_rows).index(row["list"]), order[row["fate"]]))
        ]
    )


def truth_counts(clips: pa.Table, detectors: Sequence[str]) -> pa.Table:
    """Count the clips of each split that are known to have a detector's class, known not to, and unknown."""
    rows = []
    for split in pc.unique(clips["split"]).to_pylist():
        of_split = clips.filter(pc.equal(clips["split"], split))
        for detector in detectors:
            truth = of_split[f"is_{detector}"]
            n_true = pc.sum(truth).as_py() or 0
            rows.append(
                {
                    "split": split,
                    "detector": detector,
                    "with": n_true,
                    "without": len(truth) - truth.null_count - n_true,
                    "unknown": truth.null_count,
                }
            )
    return pa.Table.from_pylist(rows)


def class_counts(clips: pa.Table, labels: pa.Table) -> pa.Table:
    """List every class with its accuracy, the detectors it counts for and how many clips carry it in each split."""
    detectors = [name for name in labels.column_names if name.startswith("is_")]
    columns = {
        "class": labels["display_name"],
        "id": labels["label_id"],
        "rated": labels["n_rated"],
        "accuracy": pc.round(labels["accuracy"], 2),
        "used": labels["accurate"],
        "restrictions": labels["restrictions"],
        **{name: labels[name] for name in detectors},
    }
    for split in ("train", "eval"):
        carried = clips.filter(pc.equal(clips["split"], split))["label_ids"]
        counts = pc.value_counts(pc.list_flatten(carried))
        found = dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))
        columns[f"{split} clips"] = pa.array([found.get(label_id, 0) for label_id in labels["label_id"].to_pylist()])
    table = pa.table(columns)
    order = [("train clips", "descending"), ("eval clips", "descending"), ("class", "ascending")]
    return table.sort_by(order)


def spelled_out(clips: pa.Table, at_youtube: bool) -> pa.Table:
    """Show the first clips of each split with their labels in words and, for YouTube's, where to hear them."""
    shown = pa.concat_tables(
        clips.filter(pc.equal(clips["split"], split)).slice(0, PREVIEW_CLIPS) for split in ("train", "eval")
    )
    truths = {name: shown[name] for name in shown.column_names if name.startswith("is_")}
    start = pc.cast(pc.floor(shown["start_seconds"]), pa.int64()).cast(pa.string())
    link = pc.binary_join_element_wise("https://youtu.be/", shown["video_id"], "?t=", start, "")
    return pa.table(
        {
            "clip_id": shown["clip_id"],
            "split": shown["split"],
            "start (s)": shown["start_seconds"],
            "end (s)": shown["end_seconds"],
            "labels": pc.binary_join(shown["labels"], "; "),
            **{name: pc.if_else(pc.is_null(v), "unknown", pc.cast(v, pa.string())) for name, v in truths.items()},
        }
        | ({"video": link} if at_youtube else {})
    )


def together(clips: pa.Table, labels: pa.Table) -> tuple[list[str], npt.NDArray[np.int64], list[int]]:
    """Count how often the most frequent classes of the detectors stand on the same clip.

    Returns
    -------
    names
        Of the n classes, the most frequent ones of each detector, detector by detector.
    counts
        Shape (n, n): clips that carry both; the diagonal counts the clips that carry the one.
    starts
        Where in ``names`` each detector's classes begin.
    """
    lists = clips["label_ids"].combine_chunks()
    row = pc.list_parent_indices(lists).to_numpy()
    code = pc.index_in(pc.list_flatten(lists), labels["label_id"].combine_chunks()).to_numpy()
    frequency = np.bincount(code, minlength=labels.num_rows)
    picked: list[int] = []
    starts = []
    for name in (n for n in labels.column_names if n.startswith("is_")):
        starts.append(len(picked))
        heard = np.flatnonzero(labels[name].to_numpy() & (frequency > 0))
        by_frequency = heard[np.argsort(-frequency[heard], kind="stable")].tolist()
        picked += [c for c in by_frequency if c not in picked][:MOST_FREQUENT]
    carries = np.zeros((len(picked), clips.num_rows), dtype=np.float32)
    for i, wanted in enumerate(picked):
        carries[i, row[code == wanted]] = 1
    names = labels["display_name"].take(pa.array(picked)).to_pylist()
    return names, np.rint(carries @ carries.T).astype(np.int64), starts
