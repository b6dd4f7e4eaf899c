"""The sequences of training examples (:mod:`soundsift.features.sequence`), held in memory in half precision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.arrays import Float32Array, Int64Array
from soundsift.errors import TrainingError
from soundsift.features.definition import definition_of, frame_columns
from soundsift.features.sequence import SEQUENCE_COLUMN, unpacked

# Of one clip in one file: the id, the version (0 for the clip itself), and whether it is a window.
Key = tuple[str, int, bool]


@dataclass(frozen=True)
class Sequences:
    """Sequences of different lengths, one after the other.

    Attributes
    ----------
    values
        Shape (n_steps of all sequences, n_columns), float16.
    first
        Row of ``values`` at which each sequence begins, and the end of the last one, shape (n + 1,).
    """

    values: npt.NDArray[np.float16]
    first: Int64Array

    @classmethod
    def of(cls, sequences: Sequence[npt.NDArray[np.floating]]) -> "Sequences":
        """Put sequences together, shape (n_steps, n_columns) each."""
        lengths = [len(one) for one in sequences]
        values = np.concatenate(sequences, dtype=np.float16, casting="same_kind")
        return cls(values, np.cumsum([0, *lengths]))

    def __len__(self) -> int:
        return len(self.first) - 1

    def whole(self, number: int) -> Float32Array:
        """Return one sequence, shape (n_steps, n_columns)."""
        return np.asarray(self.values[self.first[number] : self.first[number + 1]], dtype=np.float32)

    def steps(self, numbers: Int64Array) -> Int64Array:
        """Return the rows of ``values`` that belong to some sequences, one sequence after the other."""
        return np.concatenate([np.arange(self.first[number], self.first[number + 1]) for number in numbers.tolist()])

    def crops(self, numbers: Int64Array, n_steps: int, rng: np.random.Generator) -> Float32Array:
        """Cut a random part of one length out of each sequence; a shorter sequence is repeated.

        Returns
        -------
        Shape (n, n_steps, n_columns).
        """
        first, length = self.first[numbers], self.first[numbers + 1] - self.first[numbers]
        shift = (rng.random(len(numbers)) * np.maximum(1, length - n_steps + 1)).astype(np.int64)
        steps = (shift[:, np.newaxis] + np.arange(n_steps)) % length[:, np.newaxis]
        return np.asarray(self.values[first[:, np.newaxis] + steps], dtype=np.float32)


NO_SEQUENCES = Sequences(np.zeros((0, 0), dtype=np.float16), np.zeros(1, dtype=np.int64))


def read_sequences(features: Sequence[Path], augmented: Sequence[Path], wanted: Mapping[Key, int]) -> Sequences:
    """Read the sequences of training examples.

    Parameters
    ----------
    features, augmented
        The tables of all batches.
    wanted
        {key: its number}, numbers from 0 without gaps.

    Raises
    ------
    TrainingError
        If a sequence is in none of the files.
    """
    found: list[npt.NDArray[np.float16] | None] = [None] * len(wanted)
    ids = pa.array(dict.fromkeys(clip_id for clip_id, _, _ in wanted), pa.string())
    for paths, has_versions in ((features, False), (augmented, True)):
        for path in paths:
            for keys, cells, n_columns in _cells(path, ids, has_versions):
                for key, sequence in zip(keys, unpacked(cells, n_columns), strict=True):
                    if key in wanted:
                        found[wanted[key]] = sequence
    if missing := [clip_id for (clip_id, _, _), number in wanted.items() if found[number] is None]:
        raise missing_sequences(missing)
    return Sequences.of([sequence for sequence in found if sequence is not None])


def missing_sequences(clip_ids: Sequence[str]) -> TrainingError:
    """Make the error that clips of the merged table have no sequence in the tables of their batches."""
    return TrainingError(
        f"the sequence of frames of {len(clip_ids)} clips is missing, of {clip_ids[0]} for example: run again with "
        "--forcerun summarize_features augment_clips"
    )


def clip_sequences(features: Sequence[Path]) -> Iterator[tuple[list[str], list[npt.NDArray[np.float16]]]]:
    """Yield clip ids and sequences of each batch; an array has the shape (n_steps, n_columns)."""
    for path in features:
        for keys, cells, n_columns in _cells(path, None, False):
            yield [clip_id for clip_id, _, _ in keys], unpacked(cells, n_columns)


def _cells(path: Path, ids: pa.Array | None, has_versions: bool) -> Iterator[tuple[list[Key], list[bytes], int]]:
    """Yield the keys and cells of a file's row groups, and the number of columns of a sequence."""
    with pq.ParquetFile(path) as file:
        if not file.metadata.num_rows:  # it has no definition
            return
        n_columns = n_sequence_columns(file.schema_arrow)
        names = ["clip_id", "version", "is_window"] if has_versions else ["clip_id"]
        for number in range(file.num_row_groups):
            rows = file.read_row_group(number, names)
            mask = pa.array([True] * rows.num_rows) if ids is None else pc.is_in(rows["clip_id"], ids)
            if not pc.any(mask, min_count=0).as_py():
                continue
            table = file.read_row_group(number, [*names, SEQUENCE_COLUMN.name]).filter(mask)
            table = table.filter(table[SEQUENCE_COLUMN.name].is_valid())
            clip_ids = table["clip_id"].to_pylist()
            if has_versions:
                keys = list(zip(clip_ids, table["version"].to_pylist(), table["is_window"].to_pylist(), strict=True))
            else:
                keys = [(clip_id, 0, False) for clip_id in clip_ids]
            yield keys, table[SEQUENCE_COLUMN.name].to_pylist(), n_columns


def n_sequence_columns(schema: pa.Schema) -> int:
    """Return the number of columns of the sequences in a table, by its definition."""
    return len(frame_columns(int(definition_of(schema)["n_mfcc"]))) - 1
