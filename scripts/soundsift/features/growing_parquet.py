"""A Parquet file larger than memory, written table by table."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from soundsift.errors import InputError
from soundsift.tables import parquet_options

# Rows in a row group: about 20 MB of features.
ROW_GROUP = 16384


class GrowingParquet:
    """A Parquet file to which tables of one schema are appended, in row groups of at least :data:`ROW_GROUP` rows.

    With a row group per batch, the list of column chunks would take gigabytes: 300 columns in each of 4,000 batches.

    Raises
    ------
    InputError
        If an appended table has another definition or other columns than the first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []

    def __enter__(self) -> "GrowingParquet":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is not None:
            if kind is None and self._waiting:
                self._write()
            self._writer.close()

    def append(self, table: pa.Table) -> None:
        """Append the rows of a table."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, **parquet_options(table.schema))
        if table.schema.metadata != self._writer.schema.metadata or table.schema != self._writer.schema:
            raise InputError(
                f"batch of clip {table['clip_id'][0]} was made with other parameters or columns than those before it: "
                "run again with --forcerun extract_features"
            )
        self._waiting.append(table)
        if sum(waiting.num_rows for waiting in self._waiting) >= ROW_GROUP:
            self._write()

    def _write(self) -> None:
        assert self._writer is not None
        self._writer.write_table(pa.concat_tables(self._waiting))
        self._waiting = []
