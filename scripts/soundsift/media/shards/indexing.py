"""Building the index of a set of shards, shard by shard. Only ids and headers are read, never the media.

The ids of each shard are kept in a file of their own, which Snakemake does not know. A new or changed shard therefore
costs only itself, and a job that is killed goes on where it was.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.errors import InputError
from soundsift.files import whole_file, write_json
from soundsift.joblog import Progress
from soundsift.media.shards import parquet, tar
from soundsift.media.shards.index import INDEX_COLUMNS, NO_ROW_GROUP, write_index
from soundsift.media.shards.places import SET, Place, Shard, place_of, read_set, state_of
from soundsift.tables import schema_of

# Files of the ids of one shard that were written by another version are made again.
FORMAT = "1"
N_SHOWN = 5
SCHEMA = pa.schema([(c.name, c.type) for c in INDEX_COLUMNS if c.name != "shard"])


def index_shards(url: str, folder: Path, path: Path, n_threads: int) -> None:
    """Index the shards that an address names.

    Parameters
    ----------
    folder
        Where the ids of each shard are kept.
    path
        The index.

    Raises
    ------
    InputError
        If there are no shards, or some cannot be read. The others are indexed and not read again.
    """
    set_file = folder / SET
    known = read_set(folder)
    place = place_of(url, known.get("revision", ""))
    try:
        shards = place.shards()
    except InputError as error:
        if not known or place.revision:
            raise
        logging.getLogger("soundsift").warning("%s; the clips that are in the archive are used", error)
        shards = [Shard(*shard) for shard in known["shards"]]
    todo = [shard for shard in shards if not _is_indexed(shard, folder)]
    logging.info("%d shards, %d to index", len(shards), len(todo))
    progress, faults = Progress("indexed", len(todo)), []
    with ThreadPoolExecutor(n_threads) as pool:
        for fault in pool.map(lambda shard: _index_shard(place, shard, folder), todo):
            faults += [fault] if fault else []
            progress.step()
    if faults:
        more = f"; and {len(faults) - N_SHOWN} more" if len(faults) > N_SHOWN else ""
        raise InputError(f"{'; '.join(faults[:N_SHOWN])}{more}. The other shards are indexed")
    table = _first_of_equal_ids(_merged(shards, folder))
    write_json(
        {
            "url": url, "revision": place.revision, "state": state_of(shards),
            "shards": [[shard.name, shard.version, shard.n_bytes] for shard in shards],
        },
        set_file,
    )  # fmt: skip
    write_index(table, shards, place.revision, path)
    kept = {_part(shard, folder).name for shard in shards}
    for part in folder.glob("*.parquet"):
        if part.name not in kept:
            part.unlink()
    logging.info("%d ids in %d shards", table.num_rows, len(shards))


def _index_shard(place: Place, shard: Shard, folder: Path) -> str:
    """Write the ids of one shard; return what is wrong with it."""
    try:
        with place.open(shard) as file:
            if shard.name.endswith(".parquet"):
                groups = [
                    _table(ids, group, np.arange(len(ids)), np.full(len(ids), n_bytes))
                    for group, ids, n_bytes in parquet.ids_of(file, shard.name, place.read_bytes)
                ]
                table = pa.concat_tables(groups) if groups else SCHEMA.empty_table()
            else:
                members = list(tar.members_of(file, shard.name))
                keys, offsets, sizes = zip(*members, strict=True) if members else ((), (), ())
                table = _table(pa.array(keys, pa.string()), NO_ROW_GROUP, np.array(offsets, int), np.array(sizes, int))
        if not place.is_unchanged(shard):
            return f"{shard.name} changed while it was read: run again when it is complete"
    except InputError as error:
        return str(error)
    named = table.filter(pc.is_valid(table["id"]))
    if named.num_rows < table.num_rows:
        logging.warning("%s: %d rows have no id", shard.name, table.num_rows - named.num_rows)
    note = {"shard": json.dumps([FORMAT, shard.name, shard.version])}
    with whole_file(_part(shard, folder)) as temporary:
        pq.write_table(named.replace_schema_metadata(note), temporary, compression="zstd", use_dictionary=False)
    return ""


def _table(ids: pa.Array, row_group: int, positions: np.ndarray, sizes: np.ndarray) -> pa.Table:
    return pa.table([ids, np.full(len(ids), row_group), positions, sizes], names=SCHEMA.names).cast(SCHEMA)


def _part(shard: Shard, folder: Path) -> Path:
    return folder / f"{hashlib.sha256(shard.name.encode()).hexdigest()[:16]}.parquet"


def _is_indexed(shard: Shard, folder: Path) -> bool:
    try:
        metadata = pq.read_schema(_part(shard, folder)).metadata or {}
        return bool(json.loads(metadata.get(b"shard", b"[]")) == [FORMAT, shard.name, shard.version])
    except (pa.ArrowInvalid, OSError, ValueError):
        return False


def _merged(shards: Sequence[Shard], folder: Path) -> pa.Table:
    """Put the ids of all shards together, in the order of the shards."""
    tables = [pq.read_table(_part(shard, folder), partitioning=None) for shard in shards]
    numbers = np.repeat(np.arange(len(shards), dtype=np.int32), [table.num_rows for table in tables])
    names = pa.DictionaryArray.from_arrays(numbers, pa.array([shard.name for shard in shards], pa.string()))
    table = pa.concat_tables(table.replace_schema_metadata(None) for table in tables)
    return table.add_column(1, "shard", names).cast(schema_of(INDEX_COLUMNS))


def _first_of_equal_ids(table: pa.Table) -> pa.Table:
    """Keep the first row of each id, and say once how many others there are."""
    rows = pa.table({"id": table["id"], "row": np.arange(table.num_rows)})
    first = rows.group_by("id", use_threads=False).aggregate([("row", "min")])["row_min"]
    n_more = table.num_rows - len(first)
    if not n_more:
        return table
    is_first = np.zeros(table.num_rows, bool)
    is_first[first.to_numpy()] = True
    more = table.filter(pa.array(~is_first)).slice(0, 1).to_pylist()[0]
    logging.getLogger("soundsift").warning(
        "%d ids are in the shards more than once, for example %s again in %s: the first one counts",
        n_more, more["id"], more["shard"],
    )  # fmt: skip
    return table.filter(pa.array(is_first))
