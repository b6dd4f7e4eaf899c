from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundsift.config.features import FeatureParams
from soundsift.detectors import examples
from soundsift.detectors.drawing import sample
from soundsift.detectors.examples import Batches, read_examples
from soundsift.detectors.sequences import Sequences
from soundsift.errors import TrainingError
from soundsift.features.definition import definition
from soundsift.features.sequence import packed
from soundsift.tables import write_parquet

N = 40


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    """Forty clips of twenty videos, the last eight for evaluation; the value of a row is the number of its clip."""
    videos = [f"video{i // 2:02d}" for i in range(N)]
    clips = pa.table(
        {
            "clip_id": [f"clip{i:02d}" for i in range(N)], "video_id": videos,
            "split": ["eval" if i >= 32 else "train" for i in range(N)],
            "is_music": pa.array([None if i == 5 else bool(i // 2 % 2) for i in range(N)]), "rms_mean": np.arange(float(N)),
        }
    )  # fmt: skip
    pq.write_table(clips, tmp_path / "features.parquet", row_group_size=7)
    # versions of clips 0, 5 (unknown truth), 6 (mixed with a clip of an eval video), 33 (an eval clip) and 8 (mixed with clip 2)
    versions = pa.table(
        {
            "clip_id": ["clip00", "clip05", "clip06", "clip33", "clip08"],
            "video_id": [videos[i] for i in (0, 5, 6, 33, 8)],
            "partner_video_id": pa.array([None, None, videos[34], None, videos[2]]),
            "version": [0, 1, 1, 1, 2], "is_window": [True, False, False, False, False],
            "is_music": pa.array([False, None, True, False, True]),
            "rms_mean": [100.0, 105.0, 106.0, 133.0, 108.0],
        }
    )  # fmt: skip
    write_parquet(versions, tmp_path / "augmented.parquet")
    return tmp_path / "features.parquet", tmp_path / "augmented.parquet"


def test_no_version_of_or_with_an_eval_clip_is_a_training_example(tables: tuple[Path, Path]) -> None:
    found = read_examples(*tables, "music", ["rms_mean"], None, 0)
    assert found.n_clips == 31
    assert found.x[:31, 0].tolist() == [i for i in range(32) if i != 5]
    assert found.x[31:, 0].tolist() == [100.0, 108.0]
    assert found.truth[31:].tolist() == [0, 1]
    assert found.video[31:].tolist() == [0, 4]
    assert found.partner.tolist() == [-1] * 31 + [-1, 1]
    assert found.video.max() == 15
    assert found.version[29:].tolist() == [0, 0, 0, 2]
    assert found.is_window[29:].tolist() == [False, False, True, False]
    assert len(found.sequences) == 0


def test_without_versions_the_clips_are_the_only_examples(tables: tuple[Path, Path]) -> None:
    found = read_examples(tables[0], None, "music", ["rms_mean"], None, 0)
    assert len(found.x) == found.n_clips == 31


def test_an_empty_table_of_versions_changes_nothing(tables: tuple[Path, Path]) -> None:
    names = ("video_id", "partner_video_id")
    none = {name: pa.array([], pa.string()) for name in (*names, "clip_id")} | {"version": pa.array([], pa.int64())}
    none |= {name: pa.array([], pa.bool_()) for name in ("is_music", "is_window")}
    write_parquet(pa.table(none), tables[1])
    found = read_examples(*tables, "music", ["rms_mean"], None, 0)
    assert len(found.x) == found.n_clips == 31


def test_a_smaller_share_lies_within_a_larger_one_and_keeps_whole_videos(tables: tuple[Path, Path]) -> None:
    found = read_examples(*tables, "music", ["rms_mean"], None, 0)
    few, more = (found.of_videos(share, 3) for share in (0.25, 0.5))
    assert set(few) < set(more) < set(range(len(found.x)))
    assert {0, 1} == set(found.truth[few[few < found.n_clips]])
    for part in (few, more):
        videos = found.video[: found.n_clips]
        chosen = np.isin(np.arange(found.n_clips), part)
        assert not set(videos[chosen]) & set(videos[~chosen])
    assert found.of_videos(1.0, 3).tolist() == list(range(len(found.x)))


@pytest.fixture
def batches(tmp_path: Path) -> Batches:
    """Two batches of the clips and one of their versions; the values of a sequence are the number of its clip."""

    def cell(value: float, n_steps: int) -> bytes:
        return packed(np.full((n_steps, 37), value, dtype=np.float32))

    def write(path: Path, columns: dict[str, list[object]], cells: list[bytes | None]) -> Path:
        table = pa.table(columns | {"sequence": pa.array(cells, pa.binary())})
        write_parquet(table.replace_schema_metadata(definition(22050, FeatureParams())), path)
        return path

    features = [
        write(tmp_path / f"train-{i}.parquet", {"clip_id": [f"clip{n:02d}" for n in numbers]}, [cell(n, n + 8) for n in numbers])
        for i, numbers in enumerate((range(25), range(25, N)))
    ]  # fmt: skip
    versions = {"clip_id": ["clip00", "clip00", "clip08"], "version": [0, 1, 2], "is_window": [True, True, False]}
    augmented = write(tmp_path / "augmented" / "train-0.parquet", versions, [cell(200, 9), None, cell(208, 10)])
    return Batches(features, [augmented])


def test_every_row_has_the_sequence_of_its_clip_version_or_window(tables: tuple[Path, Path], batches: Batches) -> None:
    found = read_examples(*tables, "music", ["rms_mean"], None, 0, batches)
    assert (found.sequence >= 0).all()
    of_rows = [found.sequences.whole(number) for number in found.sequence.tolist()]
    assert [sequence[0, 0] for sequence in of_rows] == [*[i for i in range(32) if i != 5], 200, 208]
    assert [len(sequence) for sequence in of_rows[-3:]] == [39, 9, 10]


def test_long_lists_have_a_random_sample_of_sequences(
    tables: tuple[Path, Path], batches: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "MAX_SEQUENCES", 10)
    found = read_examples(*tables, "music", ["rms_mean"], None, 0, batches)
    rows = np.flatnonzero(found.sequence >= 0)
    assert len(rows) == len(found.sequences) == 10
    for row in rows[rows < found.n_clips].tolist():
        assert found.sequences.whole(int(found.sequence[row]))[0, 0] == found.x[row, 0]


def test_a_lost_sequence_is_named(tables: tuple[Path, Path], batches: Batches) -> None:
    with pytest.raises(TrainingError, match=r"of 7 clips is missing, of clip25 for example: run again with --forcerun"):
        read_examples(*tables, "music", ["rms_mean"], None, 0, batches._replace(features=batches.features[:1]))


def test_crops_lie_within_their_sequence_and_short_ones_are_repeated() -> None:
    sequences = Sequences.of([np.arange(10.0)[:, np.newaxis], np.arange(100.0, 103.0)[:, np.newaxis]])
    rng = np.random.default_rng(0)
    crops = sequences.crops(np.array([0, 1] * 50), 4, rng)[:, :, 0]
    assert {tuple(crop) for crop in crops[::2]} == {tuple(np.arange(a, a + 4.0)) for a in range(7)}
    assert {tuple(crop) for crop in crops[1::2]} == {(100, 101, 102, 100)}


def test_no_version_of_a_file_with_several_groups_is_on_the_other_side(tables: tuple[Path, Path]) -> None:
    features = pq.read_table(tables[0])
    # two speakers in each file; two files of each first speaker
    groups = [f"speaker{i // 4}" if i % 2 == 0 else f"guest{i // 2}" for i in range(N)]
    pq.write_table(features.append_column("group", pa.array(groups)), tables[0])
    found = read_examples(*tables, "music", ["rms_mean"], None, 0)
    assert found.video[:31].tolist() == [i // 4 for i in range(32) if i != 5]
    assert (found.video[31:].tolist(), found.partner[31:].tolist()) == ([0, 2], [-1, 0])


def test_a_sample_of_sequences_keeps_the_rarer_class() -> None:
    rows = np.arange(10, 2000)
    for n_rare, kept in ((20, 20), (300, 50)):
        truth = (np.arange(2000) % (2000 // n_rare) == 3).astype(int)
        found = rows[sample(truth[rows], 100, np.random.default_rng(0))]
        assert len(set(found.tolist())) == 100
        assert found.tolist() == sorted(found) and set(found) <= set(rows)
        assert abs(truth[found].sum() - kept) <= 1


def test_the_clips_of_a_group_are_one_source(tables: tuple[Path, Path]) -> None:
    features = pq.read_table(tables[0])
    groups = [f"speaker{i // 8}" for i in range(N)]
    pq.write_table(features.append_column("group", pa.array(groups)), tables[0])
    found = read_examples(*tables, "music", ["rms_mean"], None, 0)
    assert found.video[:31].tolist() == [i // 8 for i in range(32) if i != 5]
    # the versions of clips 0 and 8, the second mixed with clip 2
    assert found.video[31:].tolist() == [0, 1]
    assert found.partner[31:].tolist() == [-1, 0]
