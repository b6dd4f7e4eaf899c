"""The index of a set of shards: which clip is where."""

import json
import logging
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.errors import InputError, SoundsiftError
from soundsift.files import whole_file
from soundsift.media.fetch_error import FetchError
from soundsift.media.shards.places import Shard, place_of
from soundsift.metadata.batches import Clip
from soundsift.tables import Column, schema_of

# Row group of tar members.
NO_ROW_GROUP = -1
INDEX_COLUMNS = (
    Column("id", pa.string(), "", "id of the row, or name of the member up to its first dot"),
    Column("shard", pa.dictionary(pa.int32(), pa.string()), "", "name of the shard below the folder of the pattern"),
    Column("row_group", pa.int32(), "", "row group of a Parquet shard; -1 in a tar shard"),
    Column("position", pa.int64(), "", "row in the row group, or byte at which the member begins"),
    Column("size", pa.int64(), "bytes", "size of the member, or of the row group"),
)
# Rows of a row group of the index.
ROWS = 1 << 14
# Ids of YouTube's videos have this length. A longer name that begins with Y is of the form of PANNs.
YOUTUBE_LENGTH = 11


@dataclass(frozen=True)
class Location:
    """Where a clip is.

    Attributes
    ----------
    of_video
        True if the row is named by the video alone, not by the clip.
    """

    key: str
    shard: Shard
    row_group: int
    position: int
    size: int
    of_video: bool

    @property
    def place(self) -> tuple[str, int]:
        """Shard and row group."""
        return self.shard.name, self.row_group


class ShardIndex:
    """An index as :func:`write_index` writes it.

    Attributes
    ----------
    shards
        {name: shard}
    revision
        Revision of the data set; empty for shards on disk.
    unreachable
        Outcome and line of a source that could not be reached when it was to be indexed: other clips than those of
        the index may be there. Empty if all shards were indexed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._plain_errors():
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
            found = json.loads(self._file.schema_arrow.metadata[b"shards"])
            self.shards = {name: Shard(name, version, size) for name, version, size in found["shards"]}
            self.revision: str = found["revision"]
            self.unreachable: tuple[str, ...] = tuple(found.get("unreachable", ()))

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{self._path} is no index of shards, or damaged: delete it and run again") from error

    def find(self, clips: Sequence[Clip]) -> dict[str, Location]:
        """Return {clip_id: location} of the clips that are in the shards."""
        names = {clip.clip_id: list(_names_of(clip)) for clip in clips}
        wanted = pa.array(sorted({name for of_clip in names.values() for name, _ in of_clip}), pa.string())
        with self._plain_errors():
            rows = {row["id"]: row for row in self._rows(wanted)}
        found = {}
        for clip_id, of_clip in names.items():
            for name, of_video in of_clip:
                if name in rows:
                    row = rows[name]
                    shard = self.shards[row["shard"]]
                    found[clip_id] = Location(name, shard, row["row_group"], row["position"], row["size"], of_video)
                    break
        return found

    def example(self) -> str:
        """Return one of the ids; empty if there is none."""
        with self._plain_errors():
            batch = next(self._file.iter_batches(1, columns=["id"]), None)
            return str(batch["id"][0]) if batch is not None and len(batch) else ""

    def there(self, url: str) -> set[tuple[str, str]]:
        """Return name and version of the shards that are still at their address as they were indexed.

        If their place cannot be read, none is; the line that says why is on the terminal.
        """
        place, found = place_of(url, self.revision), set()
        try:
            for shard in islice(self.shards.values(), 1):
                place.check(shard)
        except (FetchError, SoundsiftError, OSError) as error:
            logging.getLogger("soundsift").warning("%s. Meanwhile its media stay in the archive", error)
            return set()
        for shard in self.shards.values():
            with suppress(OSError):
                if place.is_unchanged(shard):
                    found.add((shard.name, shard.version))
        return found

    def _rows(self, wanted: pa.Array) -> Iterable[dict[str, Any]]:
        # by row group, so that millions of rows take little memory; a list in the order of its ids needs few of them
        names = wanted.to_pylist()
        for group in range(self._file.num_row_groups):
            known = self._file.metadata.row_group(group).column(0).statistics
            if (
                known is not None
                and known.has_min_max
                and bisect_left(names, known.min) == bisect_right(names, known.max)
            ):
                continue
            there = pc.is_in(self._file.read_row_group(group, columns=["id"])["id"], wanted)
            if pc.any(there, min_count=0).as_py():
                yield from self._file.read_row_group(group).filter(there).to_pylist()


def write_index(
    table: pa.Table, shards: Iterable[Shard], revision: str, path: Path, unreachable: tuple[str, ...] = ()
) -> None:
    """Write an index.

    Parameters
    ----------
    table
        Columns :data:`INDEX_COLUMNS`, in any order of the rows.
    """
    known = {
        "shards": [list(asdict(shard).values()) for shard in shards], "revision": revision, "unreachable": unreachable,
    }  # fmt: skip
    table = table.cast(schema_of(INDEX_COLUMNS)).sort_by("id").replace_schema_metadata({"shards": json.dumps(known)})
    with whole_file(path) as temporary:
        pq.write_table(
            table, temporary, compression="zstd", row_group_size=ROWS, use_dictionary=["shard"],
            write_page_checksum=True,
        )  # fmt: skip


def _names_of(clip: Clip) -> Iterable[tuple[str, bool]]:
    """Yield the names that a clip may have in a shard, and whether they name its video alone."""
    for name, of_video in ((clip.clip_id, False), (clip.video_id, True)):
        yield name, of_video
        if len(clip.video_id) == YOUTUBE_LENGTH:
            yield f"Y{name}", of_video
