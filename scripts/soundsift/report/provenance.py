"""Where a run's results come from: lists and tables with their checksums, tools with their versions."""

import platform
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pyarrow as pa

from soundsift.files import read_json, sha256_of
from soundsift.media.archive import Archive

TOOLS = (
    "snakemake", "yt-dlp", "av", "pydub", "librosa", "soxr", "numpy", "scipy", "pyarrow", "scikit-learn", "tensorflow",
    "tensorflow-cpu", "keras", "matplotlib",
)  # fmt: skip

# records of clips that are looked at: one costs 0.1 ms of work, and as much again or more of waiting for the disk
N_LOOKED_AT = 10_000


def tables_read(paths: Mapping[str, Path]) -> pa.Table:
    """One row per list or table: lines without empty ones and comments, bytes, where it was fetched from, SHA-256."""
    rows = []
    for name, path in paths.items():
        record = path.with_name(f"{path.name}.fetched.json")
        with open(path, "rb") as file:
            n_lines = sum(not line.startswith(b"#") and bool(line.strip()) for line in file)
        rows.append(
            {
                "read as": name,
                "file": str(path),
                "lines": n_lines,
                "bytes": path.stat().st_size,
                "fetched from": read_json(record).get("url") if record.is_file() else "your own file",
                "SHA-256": sha256_of(path),
            }
        )
    return pa.Table.from_pylist(rows)


def tools(names: Iterable[str] = TOOLS) -> pa.Table:
    """Version of Python, the system it runs on, and each tool that is there."""
    rows = [{"tool": "Python", "version": platform.python_version()}, {"tool": "system", "version": sys.platform}]
    for name in names:
        try:
            rows.append({"tool": name, "version": version(name)})
        except PackageNotFoundError:
            continue
    return pa.Table.from_pylist(rows)


def fetched_with(archive: Archive, clip_ids: Sequence[str], n: int = N_LOOKED_AT) -> pa.Table:
    """Count clips by the versions of the tools that asked for them last, with the first and last day.

    Of a longer list every second, third or so clip is looked at, so that about ``n`` are.
    """
    days: dict[str, list[str]] = defaultdict(list)
    for clip_id in clip_ids[:: -(-len(clip_ids) // n)]:
        record = archive.read(clip_id)
        if record is None:
            days["not in the archive"].append("")
        else:
            days[", ".join(f"{name} {number}" for name, number in record.tools.items())].append(record.when[:10])
    rows = [{"asked for with": of, "clips": len(d), "first": min(d), "last": max(d)} for of, d in sorted(days.items())]
    return pa.Table.from_pylist(rows)


def definition(features: Mapping[str, str]) -> pa.Table:
    """What the features were computed with, as a table: :func:`soundsift.features.definition.definition_of`."""
    return pa.table({"parameter": list(features), "value": list(features.values())})
