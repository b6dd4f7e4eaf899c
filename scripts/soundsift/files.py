"""Files and folders that are there whole or not at all, and their checksums."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; move it there only if the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give an empty temporary folder beside ``path``; it becomes ``path`` only if the block ends well.

    After a kill Snakemake overlooks an incomplete folder whose job stands behind a checkpoint: a folder that is there
    must be whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{escape(path.name)}.*.part"):
        shutil.rmtree(leftover)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def visible_files(folder: Path) -> list[Path]:
    """Files of a folder by name, without hidden ones (Snakemake leaves a time stamp in every folder it makes)."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def write_text(text: str, path: Path) -> None:
    """Write a text file, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(data: Mapping[str, Any], path: Path) -> None:
    """Write a JSON object, whole or not at all."""
    write_text(json.dumps(data, indent=1) + "\n", path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object written by :func:`write_json`."""
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name if the file system can, else copy it."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copy2(source, target)
