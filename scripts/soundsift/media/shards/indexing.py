"""Building the index of a set of shards, shard by shard. Only ids and headers are read, never the media.

The ids of each shard are kept in a file of their own, which Snakemake does not know. A new or changed shard therefore
costs only itself, and a job that is killed goes on where it was.
"""

import hashlib
import json
import logging
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.config.sources import label_of
from soundsift.errors import InputError, SourceError
from soundsift.files import whole_file, write_json
from soundsift.joblog import Progress
from soundsift.media.fetch_error import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    FetchError,
    clock_time,
    growing_pause,
)
from soundsift.media.shards import parquet, tar
from soundsift.media.shards.index import INDEX_COLUMNS, NO_ROW_GROUP, write_index
from soundsift.media.shards.places import SET, Place, Shard, place_of, read_set, shards_of, state_of

# Files of the ids of one shard that were written by another version are made again.
FORMAT = "5"
N_SHOWN = 5
# After so many failures in a row the Hub cannot be reached: the other shards wait for the next round.
MOST_IN_A_ROW = 8
# Attempts at a host whose name cannot be resolved. Without a network each of them may take 20 s.
TRIES_WITHOUT_NAME = 2
T = TypeVar("T")
# The mark is what tells rows of one video apart that may be different clips.
SCHEMA = pa.schema([*((c.name, c.type) for c in INDEX_COLUMNS if c.name != "shard"), ("mark", pa.string())])


def index_shards(
    url: str, folder: Path, path: Path, n_threads: int, tries: int = 4,
    first_pause_seconds: float = FIRST_PAUSE_SECONDS, can_do_without: bool = False,
) -> None:  # fmt: skip
    """Index the shards that an address names.

    Parameters
    ----------
    folder
        Where the ids of each shard are kept.
    path
        The index.
    tries
        Number of attempts at the list of shards, and at each shard, as long as the failures may pass.
    can_do_without
        Whether other sources are asked instead if this one cannot be reached. Then the index has the clips of the
        shards whose ids are known, and says why there are no others. The next run tries again. If all ids are known
        from an earlier run, they are used in either case.

    Raises
    ------
    InputError
        If there are no shards, or some cannot be read. The others are indexed and not read again.
    SourceError
        If the source cannot be reached, and is needed.
    """
    set_file = folder / SET
    known = read_set(folder)
    place, listed = place_of(url, known.get("revision", "")), shards_of(known)
    try:
        listed, lost = _patiently(lambda: _list(place, known, folder), tries, first_pause_seconds)
        _patiently(lambda: _index_all(place, listed, folder, n_threads), tries, first_pause_seconds)
    except SourceError as error:
        there = [shard for shard in listed if _ids(shard, folder, any_format=True) is not None]
        if listed and there == listed:
            # a revision does not change
            logging.getLogger("soundsift").warning("%s. Meanwhile the index of an earlier run is used", error)
            listed, lost = [], listed
        elif not can_do_without:
            raise
        else:
            used = f"{len(there)} of {len(listed)} shards are used, and its other" if there else "its"
            logging.getLogger("soundsift").warning("%s. Meanwhile %s clips are taken from other sources", error, used)
            known = {"state": ""} | known | {"url": url, "unreached": str(time.time_ns()), "is_missed": True}
            # all that are listed: those that are used are not the index of an earlier run
            revision = place.revision if listed else known.get("revision", "")
            write_json(known | {"revision": revision, "shards": _named(listed)}, set_file)
            table = _merged(there, folder)
            # rows of the other shards may show that these are doubtful
            says_no_more = pc.equal(pc.utf8_trim_whitespace(pc.fill_null(table["mark"], "")), "")
            table = _first_of_equal_ids(table.filter(says_no_more).drop_columns("mark"))
            write_index(table, there, revision, path, (error.outcome, str(error)))
            return
    # ids of an earlier version are read again once their shards are there; those that are listed change the state
    is_outdated = not listed and any(_ids(shard, folder) is None for shard in lost)
    unreached = str(time.time_ns()) if is_outdated else known.get("unreached", "")
    shards = [*listed, *lost]  # of two shards with an id the first counts
    merged = _merged(shards, folder)
    table = _first_of_equal_ids(_certain(merged))
    found = {
        "url": url, "revision": place.revision, "unreached": unreached, "shards": _named(shards),
        "state": state_of(listed, shards) + unreached if listed else known.get("state", ""),
    }  # fmt: skip
    # a job that is killed before it has said so does it again
    missed = {"is_missed": True} if known.get("is_missed") else {}
    write_json(found | missed, set_file)
    write_index(table, shards, place.revision, path)
    kept = {_part(shard, folder).name for shard in shards}
    for part in folder.glob("*.parquet"):
        if part.name not in kept:
            part.unlink()
    if not merged.num_rows:
        logging.getLogger("soundsift").warning(
            "no media were found in %s: rows of Parquet shards need an id, members of tar shards the ending of a "
            "sound, such as .flac", label_of(url),
        )  # fmt: skip
    if missed:
        logging.getLogger("soundsift").warning(
            "%s is indexed now: batches that went on without it ask for its clips with --forcerun download_clips",
            label_of(url),
        )  # fmt: skip
        write_json(found, set_file)
    logging.info("%d ids in %d shards", table.num_rows, len(shards))


def _named(shards: Sequence[Shard]) -> list[list[str | int]]:
    return [[shard.name, shard.version, shard.n_bytes] for shard in shards]


def _patiently(attempt: Callable[[], T], tries: int, first_pause_seconds: float) -> T:
    """Repeat an attempt as long as its failures may pass, after growing pauses.

    Raises
    ------
    SourceError
        If the last attempt fails too, or the server asks for a long pause.
    """
    n_rounds = 1
    while True:
        try:
            return attempt()
        except FetchError as error:
            if error.retry_after_seconds > LONGEST_PAUSE_SECONDS:
                when = clock_time(time.time() + error.retry_after_seconds)
                raise SourceError(
                    error.outcome,
                    f"{error}: run the same command again after {when}, or set HF_TOKEN. Shards that are indexed are "
                    "not read again",
                ) from error
            if n_rounds >= (min(tries, TRIES_WITHOUT_NAME) if _has_no_address(error) else tries):
                raise SourceError(
                    error.outcome,
                    f"{error}: run the same command again when the Hub can be reached. Shards that are indexed are not "
                    "read again",
                ) from error
            pause = max(growing_pause(n_rounds, first_pause_seconds), error.retry_after_seconds)
            n_rounds += 1
            logging.info("%s: round %d in %.0f s", error, n_rounds, pause)
            time.sleep(pause)


def _has_no_address(error: BaseException | None) -> bool:
    """Return whether the name of a host could not be resolved, as without a network."""
    while error is not None and not isinstance(error, socket.gaierror):
        error = error.__cause__ or error.__context__
    return error is not None


def _list(place: Place, known: Mapping[str, Any], folder: Path) -> tuple[list[Shard], list[Shard]]:
    """List the shards, and those of the index that are not on disk any more.

    The latter stay in the index. A clip that is in one of them is not said to be in none, as long as its disk may be
    mounted again.
    """
    if left_out := place.left_out():
        logging.getLogger("soundsift").warning(
            "%d of the shards are links whose file is gone, or folders, for example %s, and are left out: copy or "
            "download them again, or correct the pattern in download.sources",
            len(left_out), left_out[0],
        )  # fmt: skip
    listed, unlisted = list[Shard](), None
    try:
        listed = place.shards()
    except InputError as error:
        unlisted = error
    names = {shard.name for shard in listed}
    former = [] if place.revision else shards_of(known)
    lost = [one for one in former if one.name not in names and _ids(one, folder, any_format=True) is not None]
    if unlisted and not lost:
        raise unlisted
    if lost:
        logging.getLogger("soundsift").warning(
            "%d shards that were indexed are gone, for example %s: mount their disk and run again, or delete %s if "
            "they are gone for good", len(lost), lost[0].name, folder,
        )  # fmt: skip
    return listed, lost


def _index_all(place: Place, shards: Sequence[Shard], folder: Path, n_threads: int) -> None:
    """Write the ids of all shards that have none yet.

    Raises
    ------
    FetchError
        If some failed for a reason that may pass. After failures in a row the others are not tried.
    InputError
        If some cannot be read.
    """
    todo = [shard for shard in shards if _ids(shard, folder) is None]
    logging.info("%d shards, %d to index", len(shards), len(todo))
    progress, errors, in_a_row = Progress("indexed", len(todo)), list[FetchError](), list[FetchError]()

    def index_one(shard: Shard) -> str | None:
        if len(in_a_row) >= MOST_IN_A_ROW or any(error.outcome == "rate_limited" for error in in_a_row):
            return None
        try:
            fault = _index_shard(place, shard, folder)
        except FetchError as error:
            errors.append(error)
            in_a_row.append(error)
            return None
        in_a_row.clear()
        return fault

    faults, n_left = [], 0
    with ThreadPoolExecutor(n_threads) as pool:
        for fault in pool.map(index_one, todo):
            faults += [fault] if fault else []
            n_left += fault is None
            progress.step()
    more = f"; and {len(faults) - N_SHOWN} more" if len(faults) > N_SHOWN else ""
    bad = f"{'; '.join(faults[:N_SHOWN])}{more}. " if faults else ""
    if errors:
        last = errors[-1]
        asked = max(error.retry_after_seconds for error in errors)
        line = f"{bad}{n_left} of {len(shards)} shards could not be indexed yet ({last.reason})"
        raise FetchError(last.outcome, line, asked) from last
    if faults:
        raise InputError(f"{bad}The other shards are indexed")


def _index_shard(place: Place, shard: Shard, folder: Path) -> str:
    """Write the ids of one shard; return what is wrong with it."""
    try:
        with place.open(shard) as file:
            if shard.name.endswith(".parquet"):
                groups = [
                    _table(rows["id"], rows["mark"], group, np.arange(len(rows)), np.full(len(rows), n_bytes))
                    for group, rows, n_bytes in parquet.ids_of(file, shard.name, place.read_bytes)
                ]
                table = pa.concat_tables(groups) if groups else SCHEMA.empty_table()
            else:
                members = list(tar.members_of(file, shard.name))
                keys, offsets, sizes = zip(*members, strict=True) if members else ((), (), ())
                ids, marks = pa.array(keys, pa.string()), pa.nulls(len(keys), pa.string())
                table = _table(ids, marks, NO_ROW_GROUP, np.array(offsets, int), np.array(sizes, int))
        if not place.is_unchanged(shard):
            return f"{shard.name} changed while it was read: run again when it is complete"
    except InputError as error:
        return str(error)
    except FileNotFoundError:
        return f"{shard.name} was deleted while it was read: run the same command again"
    except OSError as error:
        return f"{shard.name} cannot be read ({error.strerror or error}): correct its permissions, or copy it again"
    named = table.filter(pc.is_valid(table["id"]))
    if named.num_rows < table.num_rows:
        logging.warning("%s: %d rows have no id", shard.name, table.num_rows - named.num_rows)
    note = {"shard": json.dumps([FORMAT, shard.name, shard.version])}
    with whole_file(_part(shard, folder)) as temporary:
        pq.write_table(
            named.replace_schema_metadata(note), temporary, compression="zstd", use_dictionary=False,
            write_page_checksum=True,
        )  # fmt: skip
    return ""


def _table(ids: pa.Array, marks: pa.Array, row_group: int, positions: np.ndarray, sizes: np.ndarray) -> pa.Table:
    return pa.table([ids, np.full(len(ids), row_group), positions, sizes, marks], names=SCHEMA.names).cast(SCHEMA)


def _part(shard: Shard, folder: Path) -> Path:
    return folder / f"{hashlib.sha256(shard.name.encode()).hexdigest()[:16]}.parquet"


def _ids(shard: Shard, folder: Path, any_format: bool = False) -> pa.Table | None:
    """Read the ids of a shard; None if there are none of this version of it, or their file is damaged.

    Parameters
    ----------
    any_format
        Whether those of an earlier version of this workflow are of use, because the shard cannot be read now.
    """
    try:
        with pq.ParquetFile(_part(shard, folder), page_checksum_verification=True) as file:
            note = json.loads((file.schema_arrow.metadata or {}).get(b"shard", b"[]"))
            if note[1:] != [shard.name, shard.version] or not (any_format or note[0] == FORMAT):
                return None
            table = file.read().replace_schema_metadata(None)
            if "mark" not in table.column_names:  # of an earlier version
                table = table.append_column("mark", pa.nulls(len(table), pa.string()))
            return table.cast(SCHEMA)
    except (pa.ArrowException, OSError, ValueError):
        return None


def _merged(shards: Sequence[Shard], folder: Path) -> pa.Table:
    """Put the ids of all shards together, in the order of the shards."""
    tables = [table for shard in shards if (table := _ids(shard, folder, any_format=True)) is not None]
    if len(tables) < len(shards):
        raise InputError(f"{folder} was changed by another program: run the same command again")
    numbers = np.repeat(np.arange(len(shards), dtype=np.int32), [table.num_rows for table in tables])
    names = pa.DictionaryArray.from_arrays(numbers, pa.array([shard.name for shard in shards], pa.string()))
    table = pa.concat_tables([SCHEMA.empty_table(), *tables])
    return table.add_column(1, "shard", names)


def _certain(table: pa.Table) -> pa.Table:
    """Leave out rows of one video that may be different clips, and say once how many they are."""
    marked = table.filter(pc.is_valid(table["mark"]))
    counts = marked.group_by("id", use_threads=False).aggregate([("mark", "count_distinct")])
    doubtful = counts["id"].filter(pc.greater(counts["mark_count_distinct"], 1))
    is_doubtful = pc.and_(pc.is_valid(table["mark"]), pc.is_in(table["id"], doubtful.combine_chunks()))
    left_out = table.filter(is_doubtful)
    if left_out.num_rows:
        example = left_out.slice(0, 1).to_pylist()[0]
        logging.getLogger("soundsift").warning(
            "%d rows in the shards are left out, for example %s in %s: several rows of its video have only another "
            "numbering, so they may be different clips. A column segment_id with {video_id}_{start in ms} tells them "
            "apart",
            left_out.num_rows, example["id"], example["shard"],
        )  # fmt: skip
    return table.filter(pc.invert(is_doubtful)).drop_columns("mark")


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
    taken = table.filter(pc.equal(table["id"], more["id"])).slice(0, 1).to_pylist()[0]
    where = f"again in {more['shard']}: the first one counts"
    if taken["shard"] == more["shard"]:
        where = f"twice in {more['shard']}: what comes first there counts, whatever the ending of its name"
    logging.getLogger("soundsift").warning(
        "%d ids are in the shards more than once, for example %s %s", n_more, more["id"], where
    )
    return table.filter(pa.array(is_first))
