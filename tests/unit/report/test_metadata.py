from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundsift.report import metadata
from summarize_metadata import summarize_metadata

LABELS = pa.table(
    {
        "label_id": ["/m/speech", "/m/music", "/m/rock", "/m/dog"],
        "display_name": ["Speech", "Music", "Rock", "Dog"],
        "n_rated": [10, 10, 0, 10],
        "accuracy": pa.array([0.9, 0.857142, None, 0.5]),
        "accurate": [True, True, True, False],
        "restrictions": ["", "", "blacklist", ""],
        "is_music": [False, True, True, False],
        "is_speech": [True, False, False, False],
    }
)


@pytest.fixture
def clips() -> pa.Table:
    ids = [["/m/music", "/m/rock"], ["/m/music", "/m/speech"], ["/m/music"], ["/m/speech"]]
    name = dict(zip(LABELS["label_id"].to_pylist(), LABELS["display_name"].to_pylist(), strict=True))
    return pa.table(
        {
            "clip_id": ["a_0", "b_0", "c_1500", "d_0"],
            "video_id": ["a", "b", "c", "d"],
            "start_seconds": [0.0, 0.0, 1.5, 0.0],
            "end_seconds": [10.0] * 4,
            "split": ["train", "train", "train", "eval"],
            "batch": ["train-00000", "train-00001", "more-00000", "eval-00000"],
            "labels": [[name[i] for i in row] for row in ids],
            "label_ids": ids,
            "is_music": pa.array([True, True, None, False]),
            "is_speech": [False, True, False, True],
        }
    )


def test_rows_are_counted_by_list_and_outcome(clips: pa.Table) -> None:
    excluded = pa.table({"list": ["train", "train", "more"], "reason": ["inaccurate", "repeated", "inaccurate"]})
    rows = metadata.row_outcomes(clips, excluded).to_pylist()
    assert [(row["list"], row["became"], row["rows"], row["percent"]) for row in rows] == [
        ("train", "a wanted clip", 2, 50.0),
        ("train", "left out: repeated", 1, 25.0),
        ("train", "left out: inaccurate", 1, 25.0),
        ("more", "a wanted clip", 1, 50.0),
        ("more", "left out: inaccurate", 1, 50.0),
        ("eval", "a wanted clip", 1, 100.0),
    ]


def test_truths_are_counted_by_split_and_detector(clips: pa.Table) -> None:
    assert metadata.truth_counts(clips, ["music", "speech"]).to_pylist() == [
        {"split": "train", "detector": "music", "with": 2, "without": 0, "unknown": 1},
        {"split": "train", "detector": "speech", "with": 1, "without": 2, "unknown": 0},
        {"split": "eval", "detector": "music", "with": 0, "without": 1, "unknown": 0},
        {"split": "eval", "detector": "speech", "with": 1, "without": 0, "unknown": 0},
    ]


def test_every_class_has_its_accuracy_and_clips_most_frequent_first(clips: pa.Table) -> None:
    rows = metadata.class_counts(clips, LABELS).to_pylist()
    assert [(row["class"], row["train clips"], row["eval clips"]) for row in rows] == [
        ("Music", 3, 0), ("Speech", 1, 1), ("Rock", 1, 0), ("Dog", 0, 0),
    ]  # fmt: skip
    assert [row["accuracy"] for row in rows] == [0.86, 0.9, None, 0.5]
    assert rows[2]["restrictions"] == "blacklist"
    assert (rows[0]["is_music"], rows[0]["is_speech"]) == (True, False)


def test_the_first_clips_are_listed_with_a_link_only_to_youtube(clips: pa.Table) -> None:
    row = metadata.first_clips(clips, at_youtube=True).to_pylist()[2]
    assert row["labels"] == "Music"
    assert row["is_music"] == "unknown"
    assert row["video"] == "https://youtu.be/c?t=1"
    assert "video" not in metadata.first_clips(clips, at_youtube=False).column_names


def test_classes_on_the_same_clip_are_counted(clips: pa.Table) -> None:
    names, counts, starts = metadata.co_occurrence(clips, LABELS)
    assert names == ["Music", "Rock", "Speech"]
    assert starts == [0, 2]
    np.testing.assert_array_equal(counts, [[3, 1, 1], [1, 1, 0], [1, 0, 2]])


def test_detectors_are_named_in_one_column_however_many_there_are(clips: pa.Table) -> None:
    table = metadata.with_names_of_detectors(metadata.first_clips(clips, at_youtube=False))
    assert table.column_names == ["clip_id", "split", "start (s)", "end (s)", "labels", "detectors"]
    assert table["detectors"].to_pylist() == ["music", "music, speech", "music?", "speech"]
    classes = metadata.with_names_of_detectors(metadata.class_counts(clips, LABELS))
    assert classes["detectors"].to_pylist() == ["music", "speech", "music", ""]


def test_with_many_detectors_fewer_classes_of_each_are_compared(clips: pa.Table) -> None:
    many = LABELS
    for i in range(20):
        many = many.append_column(f"is_more_{i}", pa.array([False] * 4))
    names, _, starts = metadata.co_occurrence(clips, many)
    assert names == ["Music", "Speech"]
    assert len(starts) == 22


@pytest.mark.parametrize("own", [True, False])
def test_the_page_says_whether_the_labels_are_those_of_the_lists_and_has_their_warnings(
    own: bool, clips: pa.Table, tmp_path: Path
) -> None:
    excluded = pa.table({"list": ["train"], "reason": ["repeated"]})
    labels = LABELS.set_column(0, "label_id", LABELS["display_name"]) if own else LABELS
    if own:
        clips = clips.set_column(clips.column_names.index("label_ids"), "label_ids", clips["labels"])
    for name, table in {"clips": clips, "labels": labels, "excluded": excluded}.items():
        pq.write_table(table, tmp_path / f"{name}.parquet")
    (tmp_path / "warnings.txt").write_text("a list of 3 rows\n" if own else "")
    outputs = {name: tmp_path / name for name in ("rows", "classes", "page", "class_figure", "truth_figure")}
    summarize_metadata(
        **{name: tmp_path / f"{name}.parquet" for name in ("clips", "labels", "excluded")},
        warnings=tmp_path / "warnings.txt", detectors=["music", "speech"], at_youtube=False, **outputs,
        co_occurrence_figure=tmp_path / "co_occurrence",
    )  # fmt: skip
    page = (tmp_path / "page").read_text()
    assert ("the labels of the lists as they stand, of unknown accuracy" in page) == own
    assert ("Warnings about the lists" in page and "a list of 3 rows" in page) == own
