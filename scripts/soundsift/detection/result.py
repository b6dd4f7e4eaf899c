"""The result of analysing one recording."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from soundsift.arrays import Float64Array
from soundsift.detection.columns import SEGMENT_COLUMNS
from soundsift.detection.segments import Segment
from soundsift.errors import InputError
from soundsift.tables import schema_of, write_csv


@dataclass(frozen=True)
class Detections:
    """The segments found in a recording. Iterating over it gives each :class:`Segment`.

    Attributes
    ----------
    duration_seconds
        Of the part that could be decoded; 0 if nothing could.
    probability
        {detector: probability in each second, shape (n_seconds,), 0 to 1}
    segments
        By detector and time.
    outcome
        ``ok``, or ``silent`` if no sample exceeds -60 dBFS. For a recording that could not be read, the outcome of the
        error.
    reason
        What part of the recording is missing; empty if none is.
    """

    duration_seconds: float
    probability: dict[str, Float64Array]
    segments: tuple[Segment, ...]
    outcome: str = "ok"
    reason: str = ""

    @property
    def was_read(self) -> bool:
        """Whether the recording could be read, at least in part."""
        return self.outcome in ("ok", "silent")

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def __len__(self) -> int:
        return len(self.segments)

    def to_arrow(self) -> pa.Table:
        """Return the segments as a table with :data:`~soundsift.detection.columns.SEGMENT_COLUMNS`."""
        rows = [segment._asdict() for segment in self.segments]
        return pa.Table.from_pylist(rows, schema=schema_of(SEGMENT_COLUMNS))

    def to_pandas(self) -> Any:
        """Return the segments as a :class:`pandas.DataFrame` with the same columns.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        try:
            return self.to_arrow().to_pandas()
        except ImportError as error:
            line = "to_pandas() needs pandas: install it with pip install pandas, or use to_arrow()"
            raise InputError(line) from error

    def to_csv(self, path: str | Path) -> None:
        """Write the segments as CSV with a header row."""
        write_csv(self.to_arrow(), Path(path))
