"""Parquet shards: the ids of their rows, and the media of chosen rows."""

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby, pairwise
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.errors import InputError

# Columns that may name the clip. segment_id is AudioSet's word for our clip_id.
ID_COLUMNS = ("clip_id", "segment_id", "video_id")
AUDIO_COLUMN = "audio"
# Rows that are decoded at once. Their media are in memory together.
N_ROWS = 8
# An id of a clip ends with its start in ms, that of a clip of a file also with its end. They have no leading zeros.
START = "_(0|[1-9][0-9]*)(-[1-9][0-9]*)?$"
# The form of YouTube's ids, with or without the Y of PANNs.
YOUTUBE = "^Y?[0-9A-Za-z_-]{11}"
# The form of a numbering: digits, or a word and digits. Some have the length of YouTube's ids.
NUMBER = "^(([A-Z]?[a-z]*|[A-Z]+)[_-])?[0-9]+$"
# Reading so many times as many rows as are wanted is worth a warning.
MANY_TIMES = 10
# Errors of PyArrow for a damaged file; text that is not UTF-8 is a ValueError.
DAMAGED = (pa.ArrowException, OSError, ValueError)


def open_parquet(file: BinaryIO, name: str, read_bytes: int) -> pq.ParquetFile:
    """Open a shard.

    Parameters
    ----------
    read_bytes
        Bytes to read at once. Pages are decoded one after the other. PyArrow writes a row group of a hundred clips as
        one page, which takes two to three times its size.

    Raises
    ------
    InputError
        If it is not a Parquet file, or has no column of ids or of media, or several of one name.
    """
    try:
        # of a file on disk PyArrow holds one copy less in memory if it reads the file itself
        on_disk = isinstance(file, io.BufferedReader)
        source = file.name if on_disk else pa.PythonFile(file, mode="r")
        found = pq.ParquetFile(source, buffer_size=read_bytes, pre_buffer=False)
        schema = found.schema_arrow
        repeated = [one for one in (*ID_COLUMNS, AUDIO_COLUMN) if schema.names.count(one) > 1]
        is_usable = bool(repeated) or (bool(id_columns(schema)) and audio_column(schema) is not None)
    except DAMAGED as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise InputError(f"{name} cannot be read as Parquet ({first_line(error)}): copy it again") from error
    if repeated:
        raise InputError(
            f"{name} has {schema.names.count(repeated[0])} columns {repeated[0]}: write it again with one of them, or "
            "leave it out of the pattern"
        )
    if not is_usable:
        lacks = "ids as text" if not id_columns(schema) else "media"
        raise InputError(
            f"{name} has no column of {lacks} (it has {', '.join(map(_described, schema))}): "
            f"a column {', '.join(ID_COLUMNS[:-1])} or {ID_COLUMNS[-1]} and a column {AUDIO_COLUMN} with the bytes "
            "are needed"
        )
    return found


def id_columns(schema: pa.Schema) -> list[str]:
    """List the columns that may name the clips."""
    return [name for name in ID_COLUMNS if name in schema.names and _is_text(schema.field(name).type)]


def audio_column(schema: pa.Schema) -> str | None:
    """Return the path of the column that has the bytes of the media."""
    if AUDIO_COLUMN not in schema.names:
        return None
    kind = schema.field(AUDIO_COLUMN).type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0 and _is_binary(kind.field("bytes").type):
        return f"{AUDIO_COLUMN}.bytes"
    return AUDIO_COLUMN if _is_binary(kind) else None


def ids_of(file: BinaryIO, name: str, read_bytes: int) -> Iterator[tuple[int, pa.Table, int]]:
    """Yield number, ids and bytes of each row group; no columns but those of ids are read.

    The ids are a table with the columns ``id`` and ``mark``, as :func:`_chosen` explains them.
    """
    parquet = open_parquet(file, name, read_bytes)
    columns = id_columns(parquet.schema_arrow)
    groups, sizes = [], []
    for group in range(parquet.num_row_groups):
        try:
            table = parquet.read_row_group(group, columns=columns, use_threads=False)
            groups.append(pa.table([_as_ids(table[column].combine_chunks()) for column in columns], names=columns))
            # the metadata of a single column are not looked at: PyArrow 26 ends the process if they are damaged
            sizes.append(parquet.metadata.row_group(group).total_byte_size)
        except DAMAGED as error:
            raise InputError(f"{name} is damaged ({first_line(error)}): copy it again") from error
    ids = _chosen(pa.concat_tables(groups)) if groups else pa.table({})
    first = 0
    for group, (rows, n_bytes) in enumerate(zip(groups, sizes, strict=True)):
        yield group, ids.slice(first, rows.num_rows), n_bytes
        first += rows.num_rows


def _as_ids(column: pa.Array) -> pa.Array:
    """Return a column as text; empty text and bytes that are no text, such as a checksum, are null."""
    try:
        ids = column.cast(pa.string())
        ids.validate(full=True)
    except pa.ArrowInvalid:
        if not _is_binary(column.type):
            raise
        ids = pa.array(map(_text, column.to_pylist()), pa.string())
    return pc.if_else(pc.equal(ids, ""), None, ids)


def _text(data: bytes | None) -> str | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None


def _chosen(table: pa.Table) -> pa.Table:
    """Choose the id of each row of a shard; null if it has none.

    It is the id of the row's clip: the id of its video and a start. Columns may have another numbering, so ids are
    told by their form. A row without an id of its clip has that of its video, unless this is a numbering too.
    ``segment_id`` is AudioSet's own word, so it comes before ``clip_id``.

    Returns
    -------
    Columns ``id`` and ``mark``
        The mark of a row that has the id of its video is what its other columns say. Rows of one video with different
        marks may be different clips. The mark is null if the row has the id of its clip, or no other columns.
    """
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    others = [columns[name] for name in ("segment_id", "clip_id") if name in columns]
    nothing = pa.nulls(table.num_rows, pa.string())
    given = columns.get("video_id", nothing)
    if not others:
        return pa.table({"id": given, "mark": nothing})
    # a row without a video has null here
    is_number = pc.fill_null(_has_form(given, NUMBER), True)
    is_no_youtube = pc.or_(is_number, pc.fill_null(pc.invert(_has_form(given, f"{YOUTUBE}$")), True))
    youtube = [
        _where(pc.and_(pc.and_(is_number, _has_form(ids, f"{YOUTUBE}$")), pc.invert(_has_form(ids, NUMBER))), ids)
        for ids in others
    ]
    videos = pc.coalesce(*youtube, given)
    of_clips = pc.coalesce(
        *(
            _where(pc.and_(_has_form(ids, START), _is_same(pc.replace_substring_regex(ids, START, ""), videos)), ids)
            for ids in others
        ),
        *(_where(pc.and_(is_no_youtube, _has_form(ids, YOUTUBE + START)), ids) for ids in others),
    )
    by_form = [_where(_has_form(ids, START), ids) for ids in others]
    rest = [
        _where(pc.invert(_is_same(ids, videos)), ids) for ids in (columns.get(name, nothing) for name in ID_COLUMNS)
    ]
    marks = pc.binary_join_element_wise(*rest, " ", null_handling="replace", null_replacement="")
    return pa.table(
        {"id": pc.coalesce(of_clips, videos, *by_form, *others), "mark": _where(pc.is_null(of_clips), marks)}
    )


def _has_form(ids: pa.Array, form: str) -> pa.Array:
    return pc.match_substring_regex(ids, form)


def _where(condition: pa.Array, ids: pa.Array) -> pa.Array:
    return pc.if_else(condition, ids, None)


def _is_same(ids: pa.Array, videos: pa.Array) -> pa.Array:
    """Return whether ids are those of videos, with or without the Y of PANNs."""
    return pc.equal(pc.utf8_ltrim(ids, "Y"), pc.utf8_ltrim(videos, "Y"))


class RowGroupReader:
    """Reads rows of one row group in order, as far as they are asked for.

    A thread of its own reads the next rows meanwhile, but none after the last wanted one.

    Parameters
    ----------
    last
        The last row that will be asked for.
    """

    def __init__(self, file: BinaryIO, name: str, row_group: int, read_bytes: int, last: int) -> None:
        parquet = open_parquet(file, name, read_bytes)
        self._ids = id_columns(parquet.schema_arrow)
        columns = [*self._ids, audio_column(parquet.schema_arrow)]
        self._parquet, self._last = parquet, last
        self._row_group = row_group
        self._batches = parquet.iter_batches(N_ROWS, row_groups=[row_group], columns=columns, use_threads=False)
        self._batch: pa.RecordBatch | None = None
        self._start = 0
        self._ahead = ThreadPoolExecutor(1)
        self._next: Future[pa.RecordBatch | None] | None = None

    def size_if_alone(self) -> int:
        """Return the bytes of the column of media if the row group has a single row, else 0."""
        group = self._parquet.metadata.row_group(self._row_group)
        if group.num_rows != 1:
            return 0
        columns = map(group.column, range(group.num_columns))
        path = audio_column(self._parquet.schema_arrow)
        return int(next(one.total_uncompressed_size for one in columns if one.path_in_schema == path))

    def read(self, row: int) -> tuple[list[str], memoryview | None]:
        """Return ids and media of a row, which are not copied; rows must be asked for in ascending order.

        Raises
        ------
        Errors of :data:`DAMAGED`, IndexError
            If the shard cannot be read so far.
        """
        while self._batch is None or row >= self._start + self._batch.num_rows:
            self._start += self._batch.num_rows if self._batch is not None else 0
            self._batch = None  # one batch in memory, and the next one
            self._batch = (self._next or self._read_ahead()).result()
            if self._batch is None:
                raise IndexError(f"it has no row {row}")
            self._next = self._read_ahead() if self._start + self._batch.num_rows <= self._last else None
        at = row - self._start
        media = self._batch.column(AUDIO_COLUMN)
        if pa.types.is_struct(media.type):
            media = media.field("bytes")
        value = media[at].value if pa.types.is_dictionary(media.type) else media[at]
        data = value.as_buffer() if value.is_valid else None
        ids = [_as_ids(self._batch.column(column).slice(at, 1))[0] for column in self._ids]
        return [one.as_py() for one in ids if one.is_valid], None if data is None else memoryview(data).cast("B")

    def _read_ahead(self) -> "Future[pa.RecordBatch | None]":
        return self._ahead.submit(next, self._batches, None)

    def close(self) -> None:
        """Close the file."""
        self._ahead.shutdown(cancel_futures=True)
        self._parquet.close()


def reading_of(rows: Sequence[tuple[str, int, int]], n_bytes: int) -> tuple[str, str]:
    """Say how many rows are read for the wanted ones, and why a larger batch would read less.

    Parameters
    ----------
    rows
        Shard, row group and row of each wanted clip, in the order of the list.
    n_bytes
        Bytes of these row groups.

    Returns
    -------
    (counts, reason)
        Two parts of a sentence. The reason is empty if most rows are wanted, or a larger batch would not read less.
    """
    # a row group is read from its start to the last wanted row
    ends: dict[tuple[str, int], int] = {}
    for shard, group, row in rows:
        ends[shard, group] = max(ends.get((shard, group), 0), row + 1)
    n_read = sum(ends.values())
    counts = f"{n_read} rows of {len(ends)} row groups ({n_bytes / 1e9:.1f} GB) are read for {len(rows)} clips"
    if n_read < MANY_TIMES * len(rows):
        return counts, ""
    # of a list in the order of the shards the next batch needs other row groups, unless one is larger than a batch
    if len(ends) <= 2:
        return counts, "the row groups are larger than a batch"
    in_order = _are_in_order([(shard, group) for shard, group, _ in rows])
    return counts, "" if in_order else "the list has another order than the shards"


def _are_in_order(places: Sequence[tuple[str, int]]) -> bool:
    """Return whether row groups follow each other as in the shards, forwards or backwards, but for one in ten.

    Examples
    --------
    >>> _are_in_order([("a", 0), ("a", 0), ("a", 2), ("b", 1)]), _are_in_order([("a", 0), ("b", 1)] * 9)
    (True, False)
    """
    runs = [place for place, _ in groupby(places)]
    n_back = sum(after < before for before, after in pairwise(runs))
    n_against = min(n_back, len(runs) - 1 - n_back)
    return 10 * n_against <= len(runs) and 10 * (len(runs) - len(set(runs))) <= len(runs)


def _is_text(kind: pa.DataType) -> bool:
    return _is_one_of(kind, pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view) or _is_binary(kind)


def _is_binary(kind: pa.DataType) -> bool:
    return _is_one_of(kind, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)


def _is_one_of(kind: pa.DataType, *tests: Callable[[pa.DataType], bool]) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(test(plain) for test in tests)


def _described(field: pa.Field) -> str:
    kind = field.type
    if pa.types.is_struct(kind):
        return f"{_printable(field.name)}: struct of {' and '.join(map(_described, kind)) or 'nothing'}"
    return f"{_printable(field.name)}: {str(kind).partition('<')[0]}"


def first_line(error: BaseException) -> str:
    """Return the first line of a message, which may quote damaged bytes."""
    return _printable(str(error).splitlines()[0]) if str(error) else type(error).__name__


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
