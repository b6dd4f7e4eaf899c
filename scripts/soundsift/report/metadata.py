"""Tables about the metadata: outcomes of the rows, clips with each truth, every class, the first clips."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from soundsift.metadata.reasons import REASONS

# Clips of each split that the page lists; clips.parquet has all.
N_PREVIEW_CLIPS = 200
# Classes of each detector in the table of co-occurrence. With many detectors there are fewer of each, so that the table
# with all of them can be read.
N_MOST_FREQUENT = 8
N_READABLE = 30


def row_outcomes(clips: pa.Table, excluded: pa.Table) -> pa.Table:
    """Count the rows of each list by outcome: kept as a wanted clip, or left out for a reason.

    Returns
    -------
    pyarrow.Table
        One row per list and outcome: list, outcome, number of rows, their share of the list in percent, and the reason
        in words.
    """
    kept = pc.replace_substring_regex(clips["batch"], r"-\d+$", "")
    rows = pa.table(
        {
            "list": pa.concat_arrays([kept.combine_chunks(), excluded["list"].combine_chunks()]),
            "outcome": pa.concat_arrays([pa.repeat("kept", clips.num_rows), excluded["reason"].combine_chunks()]),
        }
    )
    counted = rows.group_by(["list", "outcome"], use_threads=False).aggregate([([], "count_all")]).to_pylist()
    n_rows = {row["list"]: 0 for row in counted}
    for row in counted:
        n_rows[row["list"]] += row["count_all"]
    order = {outcome: i for i, outcome in enumerate(REASONS)}
    return pa.Table.from_pylist(
        [
            {
                "list": row["list"],
                "became": "a wanted clip" if row["outcome"] == "kept" else f"left out: {row['outcome']}",
                "rows": row["count_all"],
                "percent": round(100 * row["count_all"] / n_rows[row["list"]], 1),
                "because": REASONS[row["outcome"]],
            }
            for row in sorted(counted, key=lambda row: (list(n_rows).index(row["list"]), order[row["outcome"]]))
        ]
    )


def truth_counts(clips: pa.Table, detectors: Sequence[str]) -> pa.Table:
    """Count the clips of each split with a detector's class, without it, and of unknown truth."""
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


def are_own(labels: pa.Table) -> bool:
    """Whether the classes are the labels of the lists as they stand (``metadata.classes: own``)."""
    return bool(labels["label_id"].equals(labels["display_name"]))


def class_counts(clips: pa.Table, labels: pa.Table) -> pa.Table:
    """List every class with its label accuracy, its detectors and the number of clips with its label in each split."""
    detectors = [name for name in labels.column_names if name.startswith("is_")]
    columns = {"class": labels["display_name"]}
    if not are_own(labels):
        columns |= {
            "id": labels["label_id"],
            "rated": labels["n_rated"],
            "accuracy": pc.round(labels["accuracy"], 2),
            "used": labels["accurate"],
            "restrictions": labels["restrictions"],
        }
    columns |= {name: labels[name] for name in detectors}
    for split in ("train", "eval"):
        carried = clips.filter(pc.equal(clips["split"], split))["label_ids"]
        counts = pc.value_counts(pc.list_flatten(carried))
        found = dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))
        columns[f"{split} clips"] = pa.array([found.get(label_id, 0) for label_id in labels["label_id"].to_pylist()])
    table = pa.table(columns)
    order = [("train clips", "descending"), ("eval clips", "descending"), ("class", "ascending")]
    return table.sort_by(order)


def first_clips(clips: pa.Table, at_youtube: bool) -> pa.Table:
    """List the first clips of each split with the names of their labels and, for YouTube clips, a link to the video."""
    shown = pa.concat_tables(
        clips.filter(pc.equal(clips["split"], split)).slice(0, N_PREVIEW_CLIPS) for split in ("train", "eval")
    )
    truths = {name: shown[name] for name in shown.column_names if name.startswith("is_")}
    start = pc.cast(pc.floor(shown["start_seconds"]), pa.int64()).cast(pa.string())
    link = pc.binary_join_element_wise("https://youtu.be/", shown["video_id"], "?t=", start, "")
    return pa.table(
        {
            "clip_id": shown["clip_id"],
            **({"file": shown["file"]} if "file" in shown.column_names else {}),
            "split": shown["split"],
            "start (s)": shown["start_seconds"],
            "end (s)": shown["end_seconds"],
            "labels": pc.binary_join(shown["labels"], "; "),
            **{name: pc.if_else(pc.is_null(v), "unknown", pc.cast(v, pa.string())) for name, v in truths.items()},
        }
        | ({"video": link} if at_youtube and "file" not in shown.column_names else {})
    )


def with_names_of_detectors(table: pa.Table) -> pa.Table:
    """Replace the columns ``is_{detector}`` by one that names the detectors, because thirty columns fit on no page.

    A detector whose truth is unknown (null, or the text "unknown") has a question mark.
    """
    truths = {name: table[name].to_pylist() for name in table.column_names if name.startswith("is_")}
    marks = {True: "", "true": "", None: "?", "unknown": "?"}
    names = [
        ", ".join(
            name.removeprefix("is_") + marks[truth]
            for name, truth in zip(truths, of_row, strict=True)
            if truth in marks
        )
        for of_row in zip(*truths.values(), strict=True)
    ]
    at = table.column_names.index(next(iter(truths)))
    return table.add_column(at, "detectors", pa.array(names, pa.string())).drop_columns(list(truths))


def co_occurrence(clips: pa.Table, labels: pa.Table) -> tuple[list[str], npt.NDArray[np.int64], list[int]]:
    """Count how often the most frequent classes of the detectors label the same clip.

    Returns
    -------
    names
        Names of n classes: the most frequent ones of each detector, detector by detector.
    counts
        Shape (n, n): number of clips that carry both labels. The diagonal counts the clips that carry the one label.
    starts
        Position in ``names`` of the first class of each detector.
    """
    lists = clips["label_ids"].combine_chunks()
    row = pc.list_parent_indices(lists).to_numpy()
    code = pc.index_in(pc.list_flatten(lists), labels["label_id"].combine_chunks()).to_numpy()
    frequency = np.bincount(code, minlength=labels.num_rows)
    picked: list[int] = []
    starts = []
    detectors = [name for name in labels.column_names if name.startswith("is_")]
    n_each = min(N_MOST_FREQUENT, max(1, N_READABLE // len(detectors)))
    for name in detectors:
        starts.append(len(picked))
        of_detector = np.flatnonzero(labels[name].to_numpy() & (frequency > 0))
        by_frequency = of_detector[np.argsort(-frequency[of_detector], kind="stable")].tolist()
        picked += [c for c in by_frequency if c not in picked][:n_each]
    carries = np.zeros((len(picked), clips.num_rows), dtype=np.float32)
    for i, wanted in enumerate(picked):
        carries[i, row[code == wanted]] = 1
    names = labels["display_name"].take(pa.array(picked)).to_pylist()
    return names, np.rint(carries @ carries.T).astype(np.int64), starts
