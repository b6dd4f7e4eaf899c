"""Provenance of a run: lists and tables with their checksums, tools with their versions, the configuration."""

import platform
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pyarrow as pa
from markupsafe import Markup

from soundsift.files import read_json, sha256_of
from soundsift.media.archive import Archive
from soundsift.templates import render

TOOLS = (
    "snakemake", "yt-dlp", "av", "pydub", "librosa", "soxr", "numpy", "scipy", "pyarrow", "scikit-learn", "tensorflow",
    "tensorflow-cpu", "keras", "matplotlib",
)  # fmt: skip

# Number of clip records that are read. Each takes 0.1 ms of work and at least as long to wait for the disk.
N_RECORDS_READ = 10_000


def tables_read(paths: Mapping[str, Path]) -> pa.Table:
    """List the input lists and tables, one row each.

    Parameters
    ----------
    paths
        {purpose: path}. ``{path}.fetched.json``, if there, is the record of the download.

    Returns
    -------
    pyarrow.Table
        Purpose, file, number of lines (without empty lines and comments), bytes, address of the download, SHA-256.
    """
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
    """List the versions of Python, the operating system and each installed tool."""
    rows = [{"tool": "Python", "version": platform.python_version()}, {"tool": "system", "version": sys.platform}]
    for name in names:
        try:
            rows.append({"tool": name, "version": version(name)})
        except PackageNotFoundError:
            continue
    return pa.Table.from_pylist(rows)


def fetched_with(archive: Archive, clip_ids: Sequence[str], n: int = N_RECORDS_READ) -> pa.Table:
    """Count clips by the tools of their last download attempt, with the first and last day.

    If there are more than ``n`` clips, every k-th clip is read and counted, at most ``n`` in all.
    """
    days: dict[str, list[str]] = defaultdict(list)
    for clip_id in clip_ids[:: -(-len(clip_ids) // n)]:
        record = archive.read(clip_id)
        if record is None:
            days["not in the archive"].append("")
        else:
            days[", ".join(f"{name} {number}" for name, number in record.tools.items())].append(record.when[:10])
    rows = [
        {"last attempt with": used, "clips": len(dates), "first": min(dates), "last": max(dates)}
        for used, dates in sorted(days.items())
    ]
    return pa.Table.from_pylist(rows)


def definition(features: Mapping[str, str]) -> pa.Table:
    """List the parameters of the features, as :func:`soundsift.features.definition.definition_of` returns them."""
    return pa.table({"parameter": list(features), "value": list(features.values())})


def configuration(text: str) -> Markup:
    """Show the configuration with its line breaks, in a box that the keyboard can scroll."""
    return Markup(render(__file__, "configuration.html", text=text))
