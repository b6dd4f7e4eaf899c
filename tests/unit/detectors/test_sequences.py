import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from soundsift.config.features import FeatureParams
from soundsift.detectors.sequences import Sequences, clip_sequences, read_sequences
from soundsift.errors import InputError, TrainingError
from soundsift.features.definition import definition
from soundsift.features.sequence import packed
from soundsift.tables import write_parquet

N_COLUMNS = 37


def written(path: Path, ids: list[str], cells: list[bytes | None]) -> Path:
    """Write the table of a batch, as far as sequences are concerned."""
    table = pa.table({"clip_id": ids, "sequence": pa.array(cells, pa.binary())})
    write_parquet(table.replace_schema_metadata(definition(22050, FeatureParams())), path)
    return path


def test_each_sequence_has_the_wanted_number_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    ids = [f"clip{i}" for i in range(600)]
    cells = [packed(np.full((8 + i % 5, N_COLUMNS), i, dtype=np.float32)) for i in range(600)]
    paths = [written(tmp_path / f"{k}.parquet", ids[k:][::2], cells[k:][::2]) for k in (1, 0)]
    found = read_sequences(paths, [], {(f"clip{i}", 0, False): 599 - i for i in range(600)})
    for number in range(600):
        assert np.array_equal(found.whole(number), np.full((8 + (599 - number) % 5, N_COLUMNS), 599 - number))
    # the number of sequence 599 - i is i
    assert found.values[found.steps(np.array([597, 599]))][:, 0].tolist() == [2.0] * 10 + [0.0] * 8


def test_sequences_are_in_memory_once_while_they_are_read(tmp_path: Path) -> None:
    n, rng = 1000, np.random.default_rng(0)
    ids = [f"clip{i}" for i in range(n)]
    cells = [packed(rng.standard_normal((200, N_COLUMNS), dtype=np.float32)) for _ in range(n)]
    path = written(tmp_path / "a.parquet", ids, cells)
    wanted = {(clip_id, 0, False): i for i, clip_id in enumerate(ids)}
    tracemalloc.start()
    try:
        found = read_sequences([path], [], wanted)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.25 * found.values.nbytes


def test_sequences_that_are_taken_share_their_values() -> None:
    of_all = Sequences.of(np.full((n, 2), n) for n in (1, 2, 3))
    taken = of_all.taken(np.array([2, 0]))
    assert [taken.whole(i).tolist() for i in range(len(taken))] == [[[3, 3]] * 3, [[1, 1]]]
    assert taken.values is of_all.values


GOOD = packed(np.zeros((9, N_COLUMNS), dtype=np.float32))
NOT_FINITE = [np.full((9, N_COLUMNS), value, dtype=np.float32) for value in (np.nan, np.inf)]


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        (b"", "0 bytes, not a multiple of 74"),
        (GOOD[:100], "100 bytes, not a multiple of 74"),
        *((packed(values), "values that are not finite") for values in NOT_FINITE),
    ],
)
def test_a_damaged_sequence_is_refused_with_its_file_and_clip(cell: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / "features").mkdir()
    path = written(tmp_path / "features/train-00003.parquet", ["good", "bad"], [GOOD, cell])
    frames = rf" and the folder {tmp_path}/frames/train-00003" if "finite" in what else ""
    message = (
        rf"train-00003\.parquet has a damaged sequence of frames, clip bad \({what}\): delete this file{frames} and"
    )
    with pytest.raises(TrainingError, match=message):
        read_sequences([path], [], {("good", 0, False): 0, ("bad", 0, False): 1})
    with pytest.raises(TrainingError, match=message):
        list(clip_sequences([path]))
    # a clip that is not used stops nothing
    assert len(read_sequences([path], [], {("good", 0, False): 0})) == 1


def test_a_table_without_sequences_is_named(tmp_path: Path) -> None:
    write_parquet(pa.table({"clip_id": ["a"]}), tmp_path / "train-00003.parquet")
    with pytest.raises(InputError, match=r"train-00003\.parquet lacks the columns sequence: delete it and run again"):
        list(clip_sequences([tmp_path / "train-00003.parquet"]))
    path = written(tmp_path / "train-00004.parquet", ["a"], [GOOD])
    with pytest.raises(InputError, match=r"train-00004\.parquet lacks the columns version, is_window: delete it"):
        read_sequences([], [path], {("a", 0, False): 0})


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b"PAR1xxxx"])
def test_a_damaged_table_of_sequences_is_named(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = written(tmp_path / "train-00003.parquet", ["a"], [GOOD])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        InputError, match=r"train-00003\.parquet cannot be read as Parquet \(.*\): delete it and run again"
    ):
        list(clip_sequences([path]))


def test_a_table_whose_values_are_damaged_is_named(tmp_path: Path) -> None:
    path = written(
        tmp_path / "train-00003.parquet", ["a", "b"], [GOOD, packed(np.ones((9, N_COLUMNS), dtype=np.float32))]
    )
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=r"train-00003\.parquet cannot be read as Parquet \(.*\): delete it and run again"
    ):
        list(clip_sequences([path]))


def test_a_table_with_other_columns_than_the_others_is_named(tmp_path: Path) -> None:
    paths = [written(tmp_path / "train-00000.parquet", ["a"], [GOOD]), tmp_path / "train-00001.parquet"]
    other = pa.table({"clip_id": ["b"], "sequence": pa.array([bytes(2 * 9 * (N_COLUMNS - 7))], pa.binary())})
    write_parquet(other.replace_schema_metadata(definition(22050, FeatureParams(n_mfcc=13))), paths[1])
    wanted = {("a", 0, False): 0, ("b", 0, False): 1}
    message = "train-00001.parquet was made with other parameters than its neighbours: .* --forcerun extract_features"
    with pytest.raises(TrainingError, match=message):
        read_sequences(paths, [], wanted)
