"""The folder of results of ``soundsift detect --output``."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from soundsift.detection.choice import TABLE
from soundsift.detection.formats import FORMATS, Answer
from soundsift.detection.overview import overview
from soundsift.errors import InputError
from soundsift.files import write_text
from soundsift.tables import write_csv


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written before anything is heard."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"--output {folder} cannot be written ({error.strerror}): name another folder") from error
    if (folder / TABLE).is_dir():
        raise InputError(f"{folder / TABLE} is a folder: remove it, or name another --output")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in an error of writing it."""
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, error.strerror or str(error), str(path)) from error


def write_answer(name: str, answer: Answer, formats: Sequence[str], folder: Path) -> list[str]:
    """Write the files of a recording; return a line for each whose place is taken. A full disk is an error."""
    faults = []
    for key in formats:
        path = folder / f"{name}{FORMATS[key].ending}"
        try:
            with _named(path):
                write_text(FORMATS[key].text(answer), path)
        except (IsADirectoryError, NotADirectoryError, FileExistsError, PermissionError) as error:
            faults.append(f"{path} cannot be written ({error.strerror}): remove what is there")
    return faults


def write_table(rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    with _named(folder / TABLE):
        write_csv(overview(rows), folder / TABLE)
