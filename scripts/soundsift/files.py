"""Atomic writing of files and folders, and checksums."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any

from soundsift.errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path in the folder of ``path``; rename it to ``path`` if the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give an empty temporary folder beside ``path``; rename it to ``path`` if the block ends without an error.

    A folder that exists must be complete: after a kill, Snakemake does not notice an incomplete folder if its job
    depends on a checkpoint. Temporary folders of killed jobs are deleted.
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
    """List the files of a folder by name, without hidden ones such as the time stamp that Snakemake adds."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def write_text(text: str, path: Path) -> None:
    """Write a text file atomically."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(data: Mapping[str, Any], path: Path) -> None:
    """Write a JSON object atomically."""
    write_text(json.dumps(data, indent=1) + "\n", path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object written by :func:`write_json`.

    Raises
    ------
    InputError
        If the file is no JSON object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}): delete it and run the same command again") from error
    if not isinstance(data, dict):
        raise InputError(f"{path} is damaged (it holds no JSON object): delete it and run the same command again")
    return data


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 checksum of a file as 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
