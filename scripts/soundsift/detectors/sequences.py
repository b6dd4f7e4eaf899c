"""The sequences of training examples (:mod:`soundsift.features.sequence`), held in memory in half precision."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.arrays import Float32Array, Int64Array
from soundsift.errors import TrainingError
from soundsift.features.augmented_columns import VERSION_COLUMNS
from soundsift.features.definition import definition_of, frame_columns
from soundsift.features.sequence import SEQUENCE_COLUMN, unpacked
from soundsift.tables import check_columns, named_errors

# Of one clip in one file: the id, the version (0 for the clip itself), and whether it is a window.
Key = tuple[str, int, bool]
# Rows of a table that are in memory at a time: 4 MB for clips of ten seconds, whatever the size of a batch.
ROWS_PER_READ = 256


@dataclass(frozen=True)
class Sequences:
    """Sequences of different lengths in one array.

    Attributes
    ----------
    values
        Shape (n_steps of all sequences, n_columns), float16.
    first, length
        Row of ``values`` at which each sequence begins, and its number of steps, shape (n,).
    """

    values: npt.NDArray[np.float16]
    first: Int64Array
    length: Int64Array

    @classmethod
    def of(cls, sequences: Iterable[npt.NDArray[np.floating]]) -> "Sequences":
        """Put sequences together, shape (n_steps, n_columns) each, so that each is in memory only once."""
        values = np.empty((0, 0), dtype=np.float16)
        lengths: list[int] = []
        n_steps = 0
        for sequence in sequences:
            lengths.append(len(sequence))
            n_steps += len(sequence)
            if n_steps > len(values):
                # grows where it is, as far as the system allows; some spare rows, because otherwise it may be copied
                values.resize((n_steps + n_steps // 16, sequence.shape[1]), refcheck=False)
            values[n_steps - len(sequence) : n_steps] = sequence
        values.resize((n_steps, values.shape[1]), refcheck=False)
        return cls(values, np.cumsum([0, *lengths], dtype=np.int64)[:-1], np.array(lengths, dtype=np.int64))

    def taken(self, numbers: Int64Array) -> "Sequences":
        """Return some of the sequences in another order; the values are shared."""
        return Sequences(self.values, self.first[numbers], self.length[numbers])

    def __len__(self) -> int:
        return len(self.first)

    def whole(self, number: int) -> Float32Array:
        """Return one sequence, shape (n_steps, n_columns)."""
        return np.asarray(self.values[self.first[number] :][: self.length[number]], dtype=np.float32)

    def steps(self, numbers: Int64Array) -> Int64Array:
        """Return the rows of ``values`` that belong to some sequences, one sequence after the other."""
        spans = zip(self.first[numbers].tolist(), self.length[numbers].tolist(), strict=True)
        return np.concatenate([np.arange(first, first + length) for first, length in spans])

    def crops(self, numbers: Int64Array, n_steps: int, rng: np.random.Generator) -> Float32Array:
        """Cut a random part of one length out of each sequence; a shorter sequence is repeated.

        Returns
        -------
        Shape (n, n_steps, n_columns).
        """
        first, length = self.first[numbers], self.length[numbers]
        shift = (rng.random(len(numbers)) * np.maximum(1, length - n_steps + 1)).astype(np.int64)
        steps = (shift[:, np.newaxis] + np.arange(n_steps)) % length[:, np.newaxis]
        return np.asarray(self.values[first[:, np.newaxis] + steps], dtype=np.float32)


NO_SEQUENCES = Sequences.of([])


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
        If a sequence is in none of the files, is damaged, or has other columns than those of the other files.
    InputError
        If a file cannot be read, or lacks a column.
    """
    ids = pa.array(dict.fromkeys(clip_id for clip_id, _, _ in wanted), pa.string())
    place = np.full(len(wanted), -1)

    def found() -> Iterator[npt.NDArray[np.float16]]:
        n_found, n_columns = 0, None
        for paths, has_versions in ((features, False), (augmented, True)):
            for path in paths:
                for keys, sequences in _row_groups(path, ids, has_versions):
                    for key, sequence in zip(keys, sequences, strict=True):
                        n_columns = n_columns or sequence.shape[1]
                        if sequence.shape[1] != n_columns:
                            rules = "augment_clips" if has_versions else "extract_features"
                            raise TrainingError(
                                f"{path} was made with other parameters than its neighbours: run again with "
                                f"--forcerun {rules}"
                            )
                        if key in wanted:
                            place[wanted[key]] = n_found
                            n_found += 1
                            yield sequence

    as_read = Sequences.of(found())
    if missing := [clip_id for (clip_id, _, _), number in wanted.items() if place[number] < 0]:
        raise missing_sequences(missing)
    return as_read.taken(place)


def missing_sequences(clip_ids: Sequence[str]) -> TrainingError:
    """Make the error that clips of the merged table have no sequence in the tables of their batches."""
    return TrainingError(
        f"the sequence of frames of {len(clip_ids)} clips is missing, of {clip_ids[0]} for example: run again with "
        "--forcerun summarize_features augment_clips"
    )


def clip_sequences(features: Sequence[Path]) -> Iterator[tuple[list[str], list[npt.NDArray[np.float16]]]]:
    """Yield clip ids and sequences of each batch; an array has the shape (n_steps, n_columns)."""
    for path in features:
        for keys, sequences in _row_groups(path, None, False):
            yield [clip_id for clip_id, _, _ in keys], sequences


def _row_groups(
    path: Path, ids: pa.Array | None, has_versions: bool
) -> Iterator[tuple[list[Key], list[npt.NDArray[np.float16]]]]:
    """Yield the keys and sequences of a file's row groups; an array has the shape (n_steps, n_columns)."""
    with named_errors(path), pq.ParquetFile(path) as file:
        if not file.metadata.num_rows:  # it has no definition
            return
        front = [c for c in VERSION_COLUMNS if c.name != "partner"] if has_versions else VERSION_COLUMNS[:1]
        check_columns(file.schema_arrow, [*front, SEQUENCE_COLUMN], path)
        n_columns = n_sequence_columns(file.schema_arrow)
        names = [c.name for c in front]
        for number in range(file.num_row_groups):
            if ids is not None and not _has_any(file.read_row_group(number, ["clip_id"]), ids):
                continue
            for rows in file.iter_batches(ROWS_PER_READ, [number], [*names, SEQUENCE_COLUMN.name]):
                wanted = rows[SEQUENCE_COLUMN.name].is_valid()
                if ids is not None:
                    wanted = pc.and_(wanted, pc.is_in(rows["clip_id"], ids))
                found = rows.filter(wanted)
                columns = [found[name].to_pylist() for name in names]
                keys = list(zip(*columns, strict=True)) if has_versions else [(id_, 0, False) for id_ in columns[0]]
                cells = [cell.as_buffer() for cell in found[SEQUENCE_COLUMN.name]]  # views of the rows, not copies
                # the versions are made from the clips, the sequences of the clips from the frames
                made_from = None if has_versions else path.parent.with_name("frames") / path.stem
                yield keys, _checked(path, columns[0], cells, n_columns, made_from)


def _checked(
    path: Path, clip_ids: Sequence[str], cells: Sequence[pa.Buffer], n_columns: int, made_from: Path | None
) -> list[npt.NDArray[np.float16]]:
    """Read cells; refuse those that are no sequence or have values that are not finite.

    ``made_from`` is a folder that may have the same values, and is to be deleted too.
    """
    for clip_id, cell in zip(clip_ids, cells, strict=True):
        if not cell.size or cell.size % (2 * n_columns):
            raise _damaged(path, clip_id, f"{cell.size} bytes, not a multiple of {2 * n_columns}")
    sequences = unpacked(cells, n_columns)
    for clip_id, sequence in zip(clip_ids, sequences, strict=True):
        if not np.isfinite(sequence).all():
            raise _damaged(
                path, clip_id, "values that are not finite", f" and the folder {made_from}" * bool(made_from)
            )
    return sequences


def _damaged(path: Path, clip_id: str, what: str, more: str = "") -> TrainingError:
    return TrainingError(
        f"{path} has a damaged sequence of frames, clip {clip_id} ({what}): delete this file{more} and run again"
    )


def _has_any(rows: pa.Table, ids: pa.Array) -> bool:
    return bool(pc.any(pc.is_in(rows["clip_id"], ids)).as_py())


def n_sequence_columns(schema: pa.Schema) -> int:
    """Return the number of columns of the sequences in a table, by its definition."""
    return len(frame_columns(int(definition_of(schema)["n_mfcc"]))) - 1
