import os
from pathlib import Path

import pyarrow as pa
import pytest

from count_coverage import count_coverage
from soundsift.errors import InputError
from soundsift.media import coverage
from soundsift.media.archive import Archive, Record
from soundsift.media.archive_writer import open_for_writing
from soundsift.media.columns import OUTCOME_COLUMNS
from soundsift.media.fetch_error import clock_time
from soundsift.media.pace import Pace
from soundsift.media.pace_state import blocks
from soundsift.tables import schema_of, write_csv, write_parquet

IDS = ["aaaaaaaaaaa_0", "bbbbbbbbbbb_0", "ccccccccccc_0", "ddddddddddd_0", "eeeeeeeeeee_0"]


@pytest.fixture
def found(tmp_path: Path) -> pa.Table:
    """Five wanted clips: a batch that is finished, one that is only in the archive."""
    clips = pa.table(
        {
            "clip_id": IDS, "video_id": [i[:11] for i in IDS], "start_seconds": [0.0] * 5, "end_seconds": [10.0] * 5,
            "split": ["train"] * 4 + ["eval"], "batch": ["train-00000"] * 2 + ["train-00001"] * 2 + ["eval-00000"],
            "is_music": pa.array([True, False, True, None, True]),
        }
    )  # fmt: skip
    done = clips.slice(0, 2).select(["clip_id", "video_id", "start_seconds", "end_seconds"]).to_pylist()
    outcomes = [{**done[0], "outcome": "silent", "reason": ""}, {**done[1], "outcome": "private", "reason": "Private"}]
    schema = schema_of(OUTCOME_COLUMNS)
    write_csv(pa.Table.from_pylist(outcomes, schema=schema), tmp_path / "outcomes" / "train-00000.csv")
    archive = open_for_writing(tmp_path / "archive")
    archive.write(Record(IDS[0], IDS[0][:11], "rate_limited"))
    archive.write(Record(IDS[2], IDS[2][:11], "rate_limited", "HTTP Error 429"))
    return coverage.present(clips, tmp_path / "outcomes", tmp_path / "outcomes", tmp_path / "features", archive)


def test_finished_batches_count_by_their_outcomes_and_the_others_by_the_archive(found: pa.Table) -> None:
    assert found["outcome"].to_pylist() == ["silent", "private", "rate_limited", "not_asked", "not_asked"]


def test_a_clip_whose_file_could_not_be_read_back_is_not_there(tmp_path: Path) -> None:
    row = {"clip_id": IDS[0], "video_id": IDS[0][:11], "start_seconds": 0.0, "end_seconds": 10.0}
    row |= {"outcome": "ok", "reason": ""}
    schema = schema_of(OUTCOME_COLUMNS)
    write_csv(pa.Table.from_pylist([row], schema=schema), tmp_path / "outcomes" / "train-00000.csv")
    write_parquet(pa.table({"clip_id": pa.array([], pa.string())}), tmp_path / "features" / "train-00000.parquet")
    clips = pa.table({"clip_id": IDS[:1], "batch": ["train-00000"]})
    found = coverage.present(
        clips, tmp_path / "outcomes", tmp_path / "outcomes", tmp_path / "features", Archive(tmp_path / "archive")
    )
    assert found["outcome"].to_pylist() == ["corrupt"]
    assert "--forcerun convert_clips" in found["reason"][0].as_py()


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        bytes(500),
        b'"clip_id","out\xffcome"\n"a_0","ok"\n',
        b'"name","outcome"\n"a_0","ok"\n',
        bytes(range(256)) * 9,
    ],
)
def test_damaged_outcomes_are_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "train-00000.csv").write_bytes(content)
    clips = pa.table({"clip_id": IDS[:1], "batch": ["train-00000"]})
    with pytest.raises(
        InputError, match="train-00000.csv (cannot be read|lacks the columns).*: delete it and run again$"
    ):
        coverage.present(clips, tmp_path, tmp_path, tmp_path / "none", Archive(tmp_path / "archive"))


def test_deleted_features_or_rows_of_outcomes_are_those_of_the_last_run(tmp_path: Path) -> None:
    archive = open_for_writing(tmp_path / "archive")
    for clip_id in IDS[:3]:
        archive.write(Record(clip_id, clip_id[:11], "ok", when="2000-01-01T00:00:00+00:00"))
    clips = pa.table({"clip_id": IDS[:3], "batch": ["train-00000"] * 3})
    rows = [{"clip_id": i, "video_id": i[:11], "outcome": "ok", "reason": ""} for i in IDS[:3]]
    outcomes, features, merged = (tmp_path / name for name in ("outcomes", "features", "coverage.parquet"))
    names = ("clip_id", "outcome", "reason", "source")
    of_run = {IDS[0]: "ok", IDS[1]: "corrupt", IDS[2]: "too_short"}
    columns = zip(*((i, outcome, "reason", "youtube") for i, outcome in of_run.items()), strict=True)
    table = pa.table(dict(zip(names, map(list, columns), strict=True)) | {"batch": ["train-00000"] * 3})

    def counted(n_rows: int) -> list[str]:
        write_csv(pa.Table.from_pylist(rows[:n_rows], schema=schema_of(OUTCOME_COLUMNS)), outcomes / "train-00000.csv")
        os.utime(outcomes / "train-00000.csv", (1, 1))
        found = coverage.present(clips, outcomes, outcomes, features, archive, merged)
        assert all(found["converted"].to_pylist())
        return list(found["outcome"].to_pylist())

    assert counted(3) == ["ok", "ok", "ok"]
    # a batch that has grown before its first merge
    silent = [{**rows[0], "outcome": "silent"}]
    write_csv(pa.Table.from_pylist(silent, schema=schema_of(OUTCOME_COLUMNS)), outcomes / "train-00000.csv")
    assert coverage.present(clips, outcomes, outcomes, features, archive, merged)["outcome"].to_pylist() == [
        "silent",
        "ok",
        "ok",
    ]
    write_parquet(table, merged)
    # the outcomes do not know what could not be read back
    assert counted(3) == ["ok", "corrupt", "too_short"]
    write_parquet(pa.table({"clip_id": IDS[:1]}), features / "train-00000.parquet")
    # features that are there: their absence says that a clip could not be read back
    assert counted(2) == ["ok", "corrupt", "too_short"]
    os.utime(outcomes / "train-00000.csv")  # rows were taken out by hand
    assert coverage.present(clips, outcomes, outcomes, tmp_path / "none", archive, merged)["outcome"].to_pylist() == [
        "ok", "corrupt", "too_short",
    ]  # fmt: skip
    (features / "train-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="train-00000.parquet cannot be read.*delete it"):
        coverage.present(clips, outcomes, outcomes, features, archive, merged)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_run_asks_for_the_clips_of_batches_that_were_not_downloaded(is_there: bool, tmp_path: Path) -> None:
    archive = open_for_writing(tmp_path / "archive")
    clips = pa.table({"clip_id": IDS[:1], "split": ["train"], "batch": ["train-00000"]})
    (tmp_path / "downloads").mkdir()
    if is_there:
        (tmp_path / "downloads" / "train-00000.csv").touch()
    none = tmp_path / "none"
    found = coverage.present(clips, tmp_path / "downloads", none, none, archive)
    n = 0 if is_there else 1
    assert f"A run would ask for {n} clips" in coverage.lines(found, retry_permanent=False)


def test_deleted_outcomes_are_those_of_the_last_run_except_for_clips_requested_since(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive = open_for_writing(tmp_path / "archive")
    for clip_id, when in ((IDS[0], "2000-01-01"), (IDS[1], "2000-01-01"), (IDS[2], "2999-01-01")):
        archive.write(Record(clip_id, clip_id[:11], "rate_limited", when=f"{when}T00:00:00+00:00"))
    clips = pa.table({"clip_id": IDS, "batch": ["train-00000"] * 4 + ["train-00001"]})
    rows = [(clip_id, "too_short", "2.0 s", "youtube") for clip_id in IDS[:3]]
    names = ("clip_id", "outcome", "reason", "source")
    merged = pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)} | {"batch": ["train-00000"] * 3})
    write_parquet(merged, tmp_path / "coverage.parquet")
    none = tmp_path / "none"
    found = coverage.present(clips, none, none, none, archive, tmp_path / "coverage.parquet")
    assert found["outcome"].to_pylist() == ["too_short", "too_short", "rate_limited", "not_asked", "not_asked"]
    assert found["reason"].to_pylist()[0] == "2.0 s"
    assert found["converted"].to_pylist() == [True, True, False, False, False]
    without = coverage.present(clips, none, none, none, archive, none)
    assert without["outcome"].to_pylist()[:2] == ["rate_limited", "rate_limited"]
    # of an earlier version
    write_parquet(merged.drop_columns("source"), tmp_path / "coverage.parquet")
    assert coverage.present(clips, none, none, none, archive, tmp_path / "coverage.parquet") == without
    assert "lacks the columns source" in caplog.text


def test_clips_that_only_their_media_tell_of_are_said_to_be_counted_so(tmp_path: Path) -> None:
    archive = open_for_writing(tmp_path / "archive")
    for clip_id in IDS[:2]:
        archive.write(Record(clip_id, clip_id[:11], "ok"))
    clips = pa.table({"clip_id": IDS, "split": ["train"] * 5, "batch": ["train-00000"] * 5})
    found = coverage.present(clips, tmp_path / "outcomes", tmp_path / "outcomes", tmp_path / "features", archive)
    assert "\n2 of the clips that are there are counted by their media alone." in coverage.lines(
        found, retry_permanent=False
    )
    finished = found.set_column(found.column_names.index("converted"), "converted", pa.array([True] * 5))
    assert "media alone" not in coverage.lines(finished, retry_permanent=False)


def test_everything_that_is_not_there_is_missing_with_the_reason(found: pa.Table) -> None:
    rows = coverage.missing(found).to_pylist()
    assert [(row["clip_id"], row["outcome"], row["reason"]) for row in rows] == [
        (IDS[1], "private", "Private"), (IDS[2], "rate_limited", "HTTP Error 429"),
        (IDS[3], "not_asked", ""), (IDS[4], "not_asked", ""),
    ]  # fmt: skip


def test_the_text_says_who_refuses_requests_and_until_when(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    assert coverage.refusals(archive) == ""
    assert not archive.root.exists(), "counting makes no archive"
    open_for_writing(archive.root)
    Pace(archive.root, "www.youtube.com", "someone").block("Sign in to confirm", 600.0)
    Pace(archive.root).block("leave me alone", 600.0)
    until = clock_time(blocks(archive.root)[0][1])
    advice = "except with other cookies, another proxy or other options of yt-dlp"
    assert coverage.refusals(archive).splitlines() == [
        f"Requests are blocked until {until}, {advice}: leave me alone",
        f"Requests to www.youtube.com are blocked until {until}, {advice}: Sign in to confirm",
    ]
    clips = {"clip_id": IDS[:1], "video_id": [IDS[0][:11]], "start_seconds": [0.0], "end_seconds": [10.0]}
    write_parquet(pa.table(clips | {"split": ["train"], "batch": ["train-00000"]}), tmp_path / "clips.parquet")
    missing, counts = tmp_path / "missing.csv", tmp_path / "counts.txt"
    none = tmp_path / "none"
    text = count_coverage(tmp_path / "clips.parquet", none, none, none, none, archive.root, False, missing, counts)
    assert coverage.refusals(archive) in text
    assert "A run would ask for 1 clips (1 not_asked)." in text


def test_the_lines_say_what_is_there_and_what_a_further_run_asks_for(found: pa.Table) -> None:
    text = coverage.lines(found, retry_permanent=False)
    assert "train: 1 of 4 wanted clips are there (25.0%)" in text
    assert "eval: 0 of 1 wanted clips are there (0.0%)" in text
    assert sorted(text.splitlines()[1:5]) == [
        "  not_asked                1   25.0%",
        "  private                  1   25.0%",
        "  rate_limited             1   25.0%",
        "  silent                   1   25.0%",
    ]
    assert "music: 1 of 3 clips with it are there, 0 of 1 without it" in text
    assert "A run would ask for 3 clips (2 not_asked, 1 rate_limited)." in text
    assert "--forcerun" not in text
    again = coverage.lines(found, retry_permanent=True)
    assert "A run with --forcerun download_clips would ask for 1 clips (1 private)." in again


def test_an_answer_that_a_later_run_must_confirm_is_asked_for_again(tmp_path: Path) -> None:
    archive = open_for_writing(tmp_path / "archive")
    for clip_id, record in {
        IDS[0]: Record(IDS[0], IDS[0][:11], "unavailable", n_unavailable=1),
        IDS[1]: Record(IDS[1], IDS[1][:11], "unavailable", n_unavailable=2),
        IDS[2]: Record(IDS[2], IDS[2][:11], "corrupt", n_corrupt=1),
        IDS[3]: Record(IDS[3], IDS[3][:11], "corrupt", n_corrupt=2),
        IDS[4]: Record(IDS[4], IDS[4][:11], "private"),
    }.items():
        archive.write(record)
        assert archive.read(clip_id)
    clips = pa.table({"clip_id": IDS, "split": ["train"] * 5, "batch": ["train-00000"] * 5})
    found = coverage.present(clips, tmp_path / "outcomes", tmp_path / "outcomes", tmp_path / "features", archive)
    undecided = coverage.undecided(found, archive)
    assert undecided == {IDS[0], IDS[2]}
    text = coverage.lines(found, False, undecided)
    assert "A run would ask for 2 clips (1 unavailable, 1 corrupt)." in text


def test_clips_are_counted_by_split_and_outcome_most_frequent_first() -> None:
    expected = {"train": {"ok": 6, "private": 2, "silent": 1}, "eval": {"ok": 3, "removed": 3, "private": 1}}
    pairs = [(split, outcome) for split, found in expected.items() for outcome, n in found.items() for _ in range(n)]
    pairs.reverse()
    table = pa.table({"split": [split for split, _ in pairs], "outcome": [outcome for _, outcome in pairs]})
    counts = coverage.outcome_counts(table)
    assert counts == expected
    assert list(counts) == ["train", "eval"]
    assert list(counts["train"]) == ["ok", "private", "silent"]
    assert list(counts["eval"])[-1] == "private"
