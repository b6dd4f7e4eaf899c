"""Tables with declared columns: written whole or not at all, checked against their declaration when read."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from soundsift.errors import InputError

# Rows of a row group of the merged tables: 20 MB of features.
ROW_GROUP = 16384


@dataclass(frozen=True)
class Column:
    """One column: its name, Arrow type, unit (empty for none) and meaning."""

    name: str
    type: pa.DataType
    unit: str
    meaning: str


def schema_of(columns: Sequence[Column], metadata: Mapping[str, str] | None = None) -> pa.Schema:
    """Arrow schema with unit and meaning of every column in its field metadata."""
    fields = [pa.field(c.name, c.type, metadata={"unit": c.unit, "meaning": c.meaning}) for c in columns]
    return pa.schema(fields, metadata=dict(metadata) if metadata else None)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; move it there only if the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give an empty temporary folder beside ``path``; it becomes ``path`` only if the block ends well.

    After a kill Snakemake overlooks an incomplete folder whose job stands behind a checkpoint: a folder that is there
    must be whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{escape(path.name)}.*.part"):
        shutil.rmtree(leftover)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def visible_files(folder: Path) -> list[Path]:
    """Files of a folder by name, without hidden ones (Snakemake leaves a time stamp in every folder it makes)."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def parquet_options(schema: pa.Schema) -> dict[str, Any]:
    """How columns are stored: exact floats by their bytes, without a dictionary or bounds; zstd for all."""
    floats = [field.name for field in schema if pa.types.is_floating(field.type)]
    others = [field.name for field in schema if field.name not in floats]
    return {
        "compression": "zstd",
        "use_dictionary": others,
        "use_byte_stream_split": floats,
        "write_statistics": others,
    }


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a table as one Parquet file."""
    with whole_file(path) as temporary:
        pq.write_table(table, temporary, **parquet_options(table.schema))


def read_parquet(path: Path, columns: Sequence[Column] | None = None) -> pa.Table:
    """Read a Parquet file, checking that it holds the declared columns with their types.

    Raises
    ------
    InputError
        If the file is no Parquet file, or a declared column is missing or of another type.
    """
    try:
        table = pq.read_table(path, partitioning=None)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            f"{path} cannot be read as Parquet ({str(error).splitlines()[0]}): delete it and run again"
        ) from error
    if columns is not None:
        _check(table, columns, path)
        table = table.select([c.name for c in columns])
    return table


def write_csv(table: pa.Table, path: Path) -> None:
    """Write a table as CSV with a header line; strings are quoted, nulls are empty."""
    with whole_file(path) as temporary:
        pa.csv.write_csv(table, temporary)


def read_csv(path: Path, columns: Sequence[Column]) -> pa.Table:
    """Read a CSV file written by :func:`write_csv` with the declared columns and types.

    Raises
    ------
    InputError
        If the file is empty, a declared column is missing or a value is not of its type.
    """
    types = {c.name: c.type for c in columns}
    options = pa.csv.ConvertOptions(column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False)
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    try:
        table = pa.csv.read_csv(path, parse_options=parse, convert_options=options)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} cannot be read ({str(error).splitlines()[0]}): delete it and run again") from error
    _check(table, columns, path)
    return table.select([c.name for c in columns])


def _check(table: pa.Table, columns: Sequence[Column], path: Path) -> None:
    missing = [c.name for c in columns if c.name not in table.column_names]
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(missing)}: delete it and run again")
    for column in columns:
        found = table.schema.field(column.name).type
        if found != column.type:
            raise InputError(f"{path}: column {column.name} is {found}, not {column.type}: delete it and run again")


def write_text(text: str, path: Path) -> None:
    """Write a text file, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(data: Mapping[str, Any], path: Path) -> None:
    """Write a JSON object, whole or not at all."""
    write_text(json.dumps(data, indent=1) + "\n", path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object written by :func:`write_json`."""
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def side_by_side(left: pa.Table, right: pa.Table) -> pa.Table:
    """Join tables row by row; metadata come from the right one."""
    fields = [*left.schema, *right.schema]
    return pa.table([*left.columns, *right.columns], schema=pa.schema(fields, metadata=right.schema.metadata))


class GrowingParquet:
    """A Parquet file that grows by tables of one schema, in row groups of some thousand rows.

    A row group per batch would cost gigabytes for the list of its column chunks: 300 columns of 4,000 batches.

    Raises
    ------
    InputError
        If a table to append was made with other parameters or columns than the first.
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
        """Add rows."""
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
