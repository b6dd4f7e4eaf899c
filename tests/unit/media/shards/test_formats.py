"""Ids and media of single shards: Parquet and tar in the forms in which they are found."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundsift.errors import InputError
from soundsift.media.shards.parquet import RowGroupReader, ids_of
from soundsift.media.shards.tar import SpanReader, members_of
from tests.hub.packs import clips_of, media_of, write_parquet, write_tar

MEDIA = media_of(clips_of(7))


class Watched(io.FileIO):
    """A file that notes how many bytes are read of it, and where."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.n_read, self.starts = 0, []

    def readinto(self, buffer: bytearray) -> int:
        self.starts.append(self.tell())
        n = super().readinto(buffer)
        self.n_read += n or 0
        return n

    def read(self, size: int = -1) -> bytes:
        self.starts.append(self.tell())
        data = super().read(size)
        self.n_read += len(data)
        return data


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("column", ["video_id", "clip_id", "segment_id"])
def test_media_of_parquet_rows_are_read(compression: str, plain: bool, column: str, tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", MEDIA, column, plain, row_group=3, compression=compression)
    with open(tmp_path / "a.parquet", "rb") as file:
        groups = [(group, rows["id"].to_pylist()) for group, rows, _ in ids_of(file, "a", 1 << 20)]
    assert groups == [(0, [*MEDIA][:3]), (1, [*MEDIA][3:6]), (2, [*MEDIA][6:])]
    with open(tmp_path / "a.parquet", "rb") as file:
        reader = RowGroupReader(file, "a", 1, 1 << 20, last=2)
        assert [reader.read(row) for row in (0, 0, 2)] == [
            ([key], MEDIA[key]) for key in ([*MEDIA][i] for i in (3, 3, 5))
        ]


def test_only_the_ids_of_a_parquet_shard_are_read_for_its_index(tmp_path: Path) -> None:
    noise = {key: bytes([i]) * 10**6 for i, key in enumerate(MEDIA)}
    write_parquet(tmp_path / "a.parquet", noise, compression="none", use_dictionary=False)
    with Watched(tmp_path / "a.parquet") as file:
        assert [(rows["id"].to_pylist(), n > 7 * 10**6) for _, rows, n in ids_of(file, "a", 1 << 16)] == [
            ([*noise], True)
        ]
        assert file.n_read < 300_000


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), "dictionary"], ids=str)
def test_other_types_of_id_columns_are_read(kind: Any, tmp_path: Path) -> None:
    ids = pa.array(["a", None], pa.string())
    ids = ids.dictionary_encode() if kind == "dictionary" else ids.cast(kind)
    pq.write_table(pa.table({"video_id": ids, "audio": pa.array([b"1", b"2"])}), tmp_path / "a.parquet")
    with open(tmp_path / "a.parquet", "rb") as file:
        ((_, found, _),) = ids_of(file, "a", 1 << 20)
        assert found["id"].to_pylist() == ["a", None]
    with open(tmp_path / "a.parquet", "rb") as file:
        assert RowGroupReader(file, "a", 0, 1 << 20, last=0).read(0) == (["a"], b"1")


@pytest.mark.parametrize("in_struct", [True, False])
@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view(), "dictionary"], ids=str)
def test_other_types_of_columns_of_media_are_read(kind: Any, in_struct: bool, tmp_path: Path) -> None:
    sound = pa.array([b"one", None, b"", b"one"], pa.binary())
    sound = sound.dictionary_encode() if kind == "dictionary" else sound.cast(kind)
    column = pa.StructArray.from_arrays([sound, pa.array(["x"] * 4)], ["bytes", "path"]) if in_struct else sound
    pq.write_table(pa.table({"video_id": list("abcd"), "audio": column}), tmp_path / "a.parquet")
    with open(tmp_path / "a.parquet", "rb") as file:
        reader = RowGroupReader(file, "a", 0, 1 << 20, last=3)
        assert [reader.read(row) for row in range(4)] == [
            (["a"], b"one"), (["b"], None), (["c"], b""), (["d"], b"one")
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        ({"id": ["a"], "audio": [b"x"]}, "a.parquet has no column of ids as text .it has id: string, audio: binary."),
        ({"video_id": [1], "audio": [b"x"]}, "no column of ids as text .it has video_id: int64"),
        ({"video_id": ["a"], "sound": [b"x"]}, "no column of media .it has video_id: string, sound: binary."),
        (
            {"video_id": ["a"], "audio": [{"path": "x"}]},
            "no column of media .it has .* audio: struct of path: string.:",
        ),
        (
            {"video_id": ["a"], "audio": [{"array": [0.1], "sampling_rate": 1}]},
            "it has video_id: string, audio: struct of array: list and sampling_rate: int64.: a column clip_id",
        ),
    ],
)
def test_a_parquet_shard_without_the_columns_says_which_it_has(columns: dict, line: str, tmp_path: Path) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with open(tmp_path / "a.parquet", "rb") as file, pytest.raises(InputError, match=line):
        list(ids_of(file, "a.parquet", 1 << 20))


@pytest.mark.parametrize("name", ["video_id", "audio", "labels"])
def test_two_columns_of_one_name_are_one_line(name: str, tmp_path: Path) -> None:
    columns = {"video_id": pa.array(["a"]), "audio": pa.array([b"x"]), "labels": pa.array([["Speech"]])}
    names = [*columns, name]
    pq.write_table(pa.Table.from_arrays([columns[one] for one in names], names), tmp_path / "a.parquet")
    with open(tmp_path / "a.parquet", "rb") as file:
        if name == "labels":  # it is not read
            assert len(list(ids_of(file, "a.parquet", 1 << 20))) == 1
        else:
            with pytest.raises(InputError, match=f"a.parquet has 2 columns {name}: write it again with one of them"):
                list(ids_of(file, "a.parquet", 1 << 20))


def test_a_cut_parquet_shard_is_one_line(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", MEDIA)
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(data[: len(data) // 2])
    with (
        open(tmp_path / "a.parquet", "rb") as file,
        pytest.raises(InputError, match="a cannot be read as Parquet .*copy it again"),
    ):
        list(ids_of(file, "a", 1 << 20))


def test_a_parquet_shard_with_damaged_names_of_columns_is_one_line(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", MEDIA, store_schema=False)
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(data.replace(b"video_id", b"\xffideo_id"))
    with open(tmp_path / "a.parquet", "rb") as file, pytest.raises(InputError, match="a cannot be read as Parquet"):
        list(ids_of(file, "a", 1 << 20))


def test_ids_that_are_no_text_are_one_line(tmp_path: Path) -> None:
    ids = pa.array([b"a", b"\xff"]).cast(pa.string(), safe=False)
    pq.write_table(pa.table({"video_id": ids, "audio": pa.array([b"1", b"2"])}), tmp_path / "a.parquet")
    with open(tmp_path / "a.parquet", "rb") as file, pytest.raises(InputError, match="a is damaged .*: copy it again"):
        list(ids_of(file, "a", 1 << 20))


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_members_of_a_tar_are_found_by_their_headers(kind: int, tmp_path: Path) -> None:
    long = {} if kind == tarfile.USTAR_FORMAT else {"x" * 150: MEDIA["-video00000"]}
    media = {**MEDIA, **long, "dötted" if kind != tarfile.USTAR_FORMAT else "dotted": b"abc"}
    write_tar(tmp_path / "a.tar", media, kind)
    with open(tmp_path / "a.tar", "rb") as file:
        found = list(members_of(file, "a"))
    data = (tmp_path / "a.tar").read_bytes()
    assert {key: data[at : at + size] for key, at, size in found} == media


def test_the_media_of_a_tar_are_not_read_for_its_index(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", {key: bytes(10**6) for key in MEDIA})
    with Watched(tmp_path / "a.tar") as file:
        assert len(list(members_of(file, "a"))) == len(MEDIA)
        assert file.n_read < 250_000


def test_neighbours_in_a_tar_are_read_at_once(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", MEDIA)
    with open(tmp_path / "a.tar", "rb") as file:
        spans = [(at, size) for _, at, size in members_of(file, "a")]
    for wanted, n_reads in ((spans, 1), (spans[::6], 2)):
        with Watched(tmp_path / "a.tar") as file:
            reader = SpanReader(file, wanted, 1 << 20)
            for at, size in wanted:
                _, data = reader.read(at)
                assert (len(data), data[:4]) == (size, b"fLaC")
            assert len(file.starts) == n_reads
    with Watched(tmp_path / "a.tar") as file:
        reader = SpanReader(file, spans, 1)
        assert [reader.read(at)[1] for at, _ in spans] == list(MEDIA.values())
