import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa

from soundsift.config.features import FeatureParams
from soundsift.detectors.sequences import Sequences, read_sequences
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
    path = written(tmp_path / "a.parquet", ids, [rng.bytes(2 * 200 * N_COLUMNS) for _ in range(n)])
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
