from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundsift import tables
from soundsift.errors import InputError
from soundsift.tables import Column

COLUMNS = (
    Column("clip_id", pa.string(), "", "the clip"),
    Column("reason", pa.string(), "", "what the source said"),
    Column("duration_seconds", pa.float64(), "s", "true length"),
)
TABLE = pa.table(
    {
        "clip_id": ["--PJHxphWEs_30000", "00000000001", "aaaaaaaaaaa_0", "NA"],
        "reason": ["", None, 'he said "no", twice\nand ’left’', "null"],
        "duration_seconds": [10.0, None, 0.1, 1 / 3],
    }
)


def test_csv_reads_back_every_value_and_distinguishes_empty_from_null(tmp_path: Path) -> None:
    tables.write_csv(TABLE, tmp_path / "t.csv")
    assert tables.read_csv(tmp_path / "t.csv", COLUMNS).equals(TABLE)


def test_csv_without_rows_keeps_its_types(tmp_path: Path) -> None:
    tables.write_csv(TABLE.slice(0, 0), tmp_path / "t.csv")
    assert tables.read_csv(tmp_path / "t.csv", COLUMNS).schema.equals(TABLE.schema)


def test_csv_is_read_with_the_declared_columns_in_their_order(tmp_path: Path) -> None:
    tables.write_csv(TABLE.append_column("more", pa.array([1, 2, 3, 4])), tmp_path / "t.csv")
    assert tables.read_csv(tmp_path / "t.csv", COLUMNS[::-1]).column_names == ["duration_seconds", "reason", "clip_id"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b'"clip_id","reason"\n"a","b"\n', "lacks the columns duration_seconds"),
        (b'"clip_id","reason","duration_seconds"\n"a","b",long\n', "'long'"),
        (b'"clip_id","reason","duration_seconds"\n"a","b"\n', "Expected 3 columns, got 2"),
        (b'"clip_id","reason","duration_seconds"\n"\xff\xfe","b",1\n', "cannot be read"),
    ],
)
def test_a_broken_csv_is_refused_in_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError) as refused:
        tables.read_csv(tmp_path / "t.csv", COLUMNS)
    assert message in str(refused.value)
    assert str(tmp_path / "t.csv") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_schema_that_cannot_be_read_is_refused_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1xxxx")
    with pytest.raises(InputError, match=r"t\.parquet cannot be read as Parquet"):
        tables.read_schema(tmp_path / "t.parquet")


def test_parquet_reads_back_values_units_and_metadata(tmp_path: Path) -> None:
    table = TABLE.cast(tables.schema_of(COLUMNS, {"sample_rate_hz": "22050"}))
    tables.write_parquet(table, tmp_path / "t.parquet")
    found = tables.read_parquet(tmp_path / "t.parquet", COLUMNS)
    assert found.equals(TABLE)
    assert found.schema.metadata[b"sample_rate_hz"] == b"22050"
    assert found.schema.field("duration_seconds").metadata == {b"unit": b"s", b"meaning": b"true length"}


def test_parquet_is_zstd_with_dictionaries_for_all_but_floating_point_columns(tmp_path: Path) -> None:
    tables.write_parquet(TABLE, tmp_path / "t.parquet")
    group = pq.read_metadata(tmp_path / "t.parquet").row_group(0)
    chunks = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert {chunk.compression for chunk in chunks.values()} == {"ZSTD"}
    has_dictionary = {name: chunk.has_dictionary_page for name, chunk in chunks.items()}
    assert has_dictionary == {"clip_id": True, "reason": True, "duration_seconds": False}


def test_parquet_in_a_folder_named_like_a_partition_gains_no_column(tmp_path: Path) -> None:
    tables.write_parquet(TABLE, tmp_path / "run=1" / "t.parquet")
    assert tables.read_parquet(tmp_path / "run=1" / "t.parquet").column_names == TABLE.column_names


def test_a_broken_parquet_is_refused_in_one_line(tmp_path: Path) -> None:
    tables.write_parquet(TABLE, tmp_path / "whole.parquet")
    content = (tmp_path / "whole.parquet").read_bytes()
    for broken in (b"", b"<!doctype html>", content[: len(content) // 2], content[:-8] + b"\xff" * 4 + b"PAR1"):
        (tmp_path / "t.parquet").write_bytes(broken)
        with pytest.raises(InputError, match="cannot be read as Parquet") as refused:
            tables.read_parquet(tmp_path / "t.parquet")
        assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        tables.read_parquet(tmp_path / "none.parquet")


def test_a_parquet_with_a_missing_column_or_another_type_is_refused(tmp_path: Path) -> None:
    tables.write_parquet(TABLE.drop_columns(["reason"]), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="lacks the columns reason"):
        tables.read_parquet(tmp_path / "t.parquet", COLUMNS)
    seconds = TABLE["duration_seconds"].cast(pa.float32())
    tables.write_parquet(TABLE.set_column(2, "duration_seconds", seconds), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="column duration_seconds is float, not double"):
        tables.read_parquet(tmp_path / "t.parquet", COLUMNS)
