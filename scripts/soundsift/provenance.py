"""Where a run's results come from: lists and tables with their checksums, tools with their versions."""

import platform
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pyarrow as pa

from soundsift.archive import sha256_of
from soundsift.tables import read_json

TOOLS = (
    "snakemake", "yt-dlp", "av", "pydub", "librosa", "soxr", "numpy", "scipy", "pyarrow", "scikit-learn", "tensorflow",
    "tensorflow-cpu", "keras", "matplotlib",
)  # fmt: skip


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


def definition(features: Mapping[str, str]) -> pa.Table:
    """What the features were computed with, as a table: :func:`soundsift.frames.definition_of`."""
    return pa.table({"parameter": list(features), "value": list(features.values())})
