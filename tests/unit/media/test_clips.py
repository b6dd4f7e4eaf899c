from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from convert_clips import convert_clips
from soundsift.demo import RATE_HZ, write_media
from soundsift.errors import InputError
from soundsift.media.archive import Archive, Record
from soundsift.media.archive_writer import open_for_writing
from soundsift.media.clip_file import read_samples
from soundsift.media.clips import convert
from soundsift.media.columns import DOWNLOAD_COLUMNS, OUTCOME_COLUMNS
from soundsift.tables import schema_of, write_csv

MIN_SECONDS = 3.0


def download(name: str, start: float, outcome: str = "ok", media_start: float = 0.0) -> dict:
    return {
        "clip_id": f"{name}_{round(start * 1000)}", "video_id": name, "start_seconds": start, "end_seconds": start + 10,
        "outcome": outcome, "reason": "" if outcome == "ok" else "why", "media": f"{name}.m4a",
        "media_start_seconds": media_start, "sha256": "",
    }  # fmt: skip


def test_every_wanted_clip_has_one_outcome_and_the_kept_ones_a_file(tmp_path: Path) -> None:
    # mistake 6 of the first version: a failed clip vanished from one table and not from the other
    noise = np.random.default_rng(0).normal(size=14 * RATE_HZ) * 0.1
    write_media(tmp_path / "-loud.m4a", noise, picture=False)
    write_media(tmp_path / "hush.m4a", noise * 0, picture=False)
    (tmp_path / "page.m4a").write_text("<html>")
    clips_dir = tmp_path / "clips"
    clips_dir.mkdir()
    rows = [
        download("-loud", 2), download("gone", 0, "not_found"), download("hush", 2), download("page", 0),
        download("-loud", 12), download("-loud", 8), download("-loud", 30, media_start=28.0),
    ]  # fmt: skip
    table = convert(rows, Archive(tmp_path), clips_dir, "flac", 22050, MIN_SECONDS)
    assert table.column_names == [column.name for column in OUTCOME_COLUMNS]
    assert table["clip_id"].to_pylist() == [row["clip_id"] for row in rows]
    assert table["outcome"].to_pylist() == ["ok", "not_found", "silent", "corrupt", "too_short", "ok", "ok"]
    assert sorted(p.name for p in (tmp_path / "clips").iterdir()) == [
        "-loud_2000.flac", "-loud_30000.flac", "-loud_8000.flac", "hush_2000.flac",
    ]  # fmt: skip
    assert table["duration_seconds"].to_pylist()[0] == 10.0
    assert 5.9 < table["duration_seconds"].to_pylist()[5] < 6.1, (
        "shorter than labelled, above the minimum: its true length"
    )
    assert table["loudness_dbfs"].to_pylist()[0] == pytest.approx(-20, abs=1.5)
    assert table["peak_dbfs"].to_pylist()[1] is None


def test_media_that_vanished_from_the_archive_are_an_error_with_the_cure(tmp_path: Path) -> None:
    write_csv(pa.Table.from_pylist([download("lost", 0)], schema_of(DOWNLOAD_COLUMNS)), tmp_path / "train-00000.csv")
    line = "the media of lost_0 are gone from the archive .* with --forcerun .*/train-00000.csv to fetch them"
    with pytest.raises(InputError, match=line):
        convert_clips(
            tmp_path / "train-00000.csv", tmp_path, "flac", 22050, MIN_SECONDS, tmp_path / "a", tmp_path / "b.csv"
        )


def test_media_that_another_list_had_fetched_anew_are_cut_where_they_begin_now(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(size=20 * RATE_HZ) * 0.05
    samples[9 * RATE_HZ : 9 * RATE_HZ + 48] = 0.9
    write_media(tmp_path / "whole.m4a", samples, picture=False)
    held = open_for_writing(tmp_path / "archive")
    with held.scratch() as scratch:
        (scratch / "media.m4a").write_bytes((tmp_path / "whole.m4a").read_bytes())
        held.write(Record("v_8000", "v", "ok", whole=True), scratch / "media.m4a")
    # what the batch knows is a section from second 7 that is no longer there
    row = download("v", 8, media_start=7.0) | {"media": str(held.folder("v_8000") / "v_8000.m4a"), "sha256": "former"}
    (tmp_path / "clips").mkdir()
    convert([row], held, tmp_path / "clips", "wav", 22050, MIN_SECONDS)
    found, rate_hz = read_samples(tmp_path / "clips" / "v_8000.wav")
    assert np.flatnonzero(np.abs(found) > 0.5)[0] / rate_hz == pytest.approx(1.0, abs=0.001)


def test_processes_make_what_one_makes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=14 * RATE_HZ) * 0.1
    write_media(tmp_path / "v.m4a", noise, picture=False)
    rows = [download("v", start) for start in range(4)] + [download("gone", 0, "not_found"), download("v", 12)]
    tables = []
    for n_processes in (1, 2):
        (tmp_path / f"clips{n_processes}").mkdir()
        tables.append(
            convert(rows, Archive(tmp_path), tmp_path / f"clips{n_processes}", "flac", 22050, MIN_SECONDS, n_processes)
        )
    assert tables[0] == tables[1]
    for path in (tmp_path / "clips1").iterdir():
        assert path.read_bytes() == (tmp_path / "clips2" / path.name).read_bytes()
