"""Export of the clips with their labels, for networks and data sets of others."""

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.errors import InputError
from soundsift.files import write_text
from soundsift.tables import write_csv

# Clips of one file, and of one row group of a Parquet file: a reader holds a row group in memory.
SHARD_CLIPS, GROUP_CLIPS = 1000, 100
AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
# What the Hub's library calls the types of our columns.
HUB_TYPES = {pa.string(): "string", pa.float64(): "float64", pa.bool_(): "bool"}


def export_clips(clips: pa.Table, folders: Sequence[Path], clip_format: str, folder: Path) -> int:
    """Write the clips as Parquet files for ``datasets``, as tar files for ``webdataset``, and as a list of paths.

    Parameters
    ----------
    clips
        The clip table.
    folders
        ``results/clips/{batch}`` of every batch.
    folder
        Where ``huggingface/``, ``webdataset/`` and ``clips.csv`` are written; it must exist and be empty.

    Returns
    -------
    Number of exported clips: those that have a clip file.
    """
    found = {path.stem: path for batch in folders for path in batch.glob(f"*.{clip_format}")}
    there = clips.filter(pc.is_in(clips["clip_id"], pa.array(list(found), pa.string())))
    if not there.num_rows:
        raise InputError("no clip has a file: run the workflow first, and see the outcomes in results/coverage.parquet")
    (folder / "huggingface" / "data").mkdir(parents=True)
    (folder / "webdataset").mkdir()
    splits = [split for split in ("train", "eval") if pc.any(pc.equal(there["split"], split)).as_py()]
    for split in splits:
        of_split = there.filter(pc.equal(there["split"], split)).drop_columns(["batch"])
        for number, first in enumerate(range(0, of_split.num_rows, SHARD_CLIPS)):
            part = of_split.slice(first, SHARD_CLIPS)
            name = f"{split}-{number:05d}"
            _write_parquet(part, found, folder / "huggingface" / "data" / f"{name}.parquet")
            _write_tar(part, found, folder / "webdataset" / f"{name}.tar")
    write_text(_card(splits), folder / "huggingface" / "README.md")
    paths = [f"../clips/{found[i].parent.name}/{found[i].name}" for i in there["clip_id"].to_pylist()]
    table = there.append_column("path", pa.array(paths))
    for name in ("labels", "label_ids"):
        at = table.column_names.index(name)
        table = table.set_column(
            at, name, pa.array([json.dumps(labels, ensure_ascii=False) for labels in table[name].to_pylist()])
        )
    write_csv(table, folder / "clips.csv")
    return int(there.num_rows)


def _write_parquet(clips: pa.Table, files: dict[str, Path], path: Path) -> None:
    """Write a table with the sound of every clip: bytes of its file, and the file's name."""
    schema = pa.schema([*clips.schema, pa.field("audio", AUDIO)])
    features = {field.name: _hub_type(field.type) for field in clips.schema} | {"audio": {"_type": "Audio"}}
    schema = schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for first in range(0, clips.num_rows, GROUP_CLIPS):
            group = clips.slice(first, GROUP_CLIPS)
            paths = (files[clip_id] for clip_id in group["clip_id"].to_pylist())
            audio = pa.array([{"bytes": p.read_bytes(), "path": p.name} for p in paths], AUDIO)
            writer.write_table(pa.Table.from_arrays([*group.columns, audio], schema=schema))


def _hub_type(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"feature": _hub_type(kind.value_type), "_type": "List"}
    return {"dtype": HUB_TYPES[kind], "_type": "Value"}


def _write_tar(clips: pa.Table, files: dict[str, Path], path: Path) -> None:
    """Write two members for every clip: its file, and its row as JSON."""
    with tarfile.open(path, "w") as tar:
        for row in clips.to_pylist():
            file = files[row["clip_id"]]
            for name, data in ((file.name, file.read_bytes()), (f"{file.stem}.json", json.dumps(row).encode())):
                member = tarfile.TarInfo(name)  # with neither time nor owner: the same clips give the same bytes
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def _card(splits: Sequence[str]) -> str:
    """Tell the Hub's library which file is of which split."""
    files = "".join(f"  - split: {split}\n    path: data/{split}-*.parquet\n" for split in splits)
    return f"---\nconfigs:\n- config_name: default\n  data_files:\n{files}---\nClips exported by soundsift.\n"
