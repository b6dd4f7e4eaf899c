"""Parquet and CSV tables with declared columns. Tables are checked against the declaration when they are read."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from soundsift.errors import InputError
from soundsift.files import whole_file


@dataclass(frozen=True)
class Column:
    """One column: its name, Arrow type, unit (empty for none) and meaning."""

    name: str
    type: pa.DataType
    unit: str
    meaning: str


def schema_of(columns: Sequence[Column], metadata: Mapping[str, str] | None = None) -> pa.Schema:
    """Make an Arrow schema that has the unit and meaning of every column in its field metadata."""
    fields = [pa.field(c.name, c.type, metadata={"unit": c.unit, "meaning": c.meaning}) for c in columns]
    return pa.schema(fields, metadata=dict(metadata) if metadata else None)


def parquet_options(schema: pa.Schema) -> dict[str, Any]:
    """Options of the Parquet writer for a schema.

    All columns are compressed with zstd. Floating-point columns have the encoding BYTE_STREAM_SPLIT, no dictionary and
    no statistics, because their values rarely repeat.
    """
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


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Raise an :class:`~soundsift.errors.InputError` that names the file where PyArrow cannot read it as Parquet."""
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            f"{path} cannot be read as Parquet ({str(error).splitlines()[0]}): delete it and run again"
        ) from error


def read_schema(path: Path) -> pa.Schema:
    """Read the schema of a Parquet file.

    Raises
    ------
    InputError
        If the file is not a Parquet file.
    """
    with named_errors(path):
        return pq.read_schema(path)


def read_parquet(path: Path, columns: Sequence[Column] | None = None, without: Collection[str] = ()) -> pa.Table:
    """Read a Parquet file and check that it has the declared columns with their types.

    Parameters
    ----------
    columns
        The declared columns; the table has only these.
    without
        Names of columns that are not read.

    Raises
    ------
    InputError
        If the file is not a Parquet file, or a declared column is missing or has another type.
    """
    if path.is_dir():  # pyarrow would read the files in it
        raise InputError(f"{path} is a folder, not a Parquet file: delete it and run again")
    with named_errors(path):
        names = [name for name in pq.read_schema(path).names if name not in without] if without else None
        table = pq.read_table(path, columns=names, partitioning=None)
    if columns is not None:
        check_columns(table.schema, columns, path)
        table = table.select([c.name for c in columns])
    return table


def write_csv(table: pa.Table, path: Path) -> None:
    """Write a table as CSV with a header row. Strings are quoted, nulls are empty."""
    with whole_file(path) as temporary:
        pa.csv.write_csv(table, temporary)


def read_csv(path: Path, columns: Sequence[Column]) -> pa.Table:
    """Read a CSV file written by :func:`write_csv` with the declared columns and types.

    Raises
    ------
    InputError
        If the file is empty, a declared column is missing, or a value does not have the type of its column.
    """
    types = {c.name: c.type for c in columns}
    options = pa.csv.ConvertOptions(column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False)
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    try:
        table = pa.csv.read_csv(path, parse_options=parse, convert_options=options)
        check_columns(table.schema, columns, path)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:  # names of columns are decoded when they are used
        raise InputError(f"{path} cannot be read ({str(error).splitlines()[0]}): delete it and run again") from error
    return table.select([c.name for c in columns])


def check_columns(schema: pa.Schema, columns: Sequence[Column], path: Path) -> None:
    """Raise an :class:`~soundsift.errors.InputError` if a file lacks a declared column or has it with another type."""
    missing = [c.name for c in columns if c.name not in schema.names]
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(missing)}: delete it and run again")
    for column in columns:
        found = schema.field(column.name).type
        if found != column.type:
            raise InputError(f"{path}: column {column.name} is {found}, not {column.type}: delete it and run again")


def side_by_side(left: pa.Table, right: pa.Table) -> pa.Table:
    """Join two tables with the same number of rows; the schema metadata are those of the right table."""
    fields = [*left.schema, *right.schema]
    return pa.table([*left.columns, *right.columns], schema=pa.schema(fields, metadata=right.schema.metadata))
