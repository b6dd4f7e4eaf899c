"""The folder of the user's own recordings, and the name of each recording in the results.

The Snakefile imports this module at every start, so it imports nothing slow. The folder is read only when ``detect`` is
requested. A job gets the path of its recording percent-encoded and as a parameter. If the path were an input, Snakemake
would take curly brackets in it for wildcards, and would not notice that an older file has replaced the recording.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from soundsift.detection.paths import encode_path
from soundsift.errors import ConfigError
from soundsift.homes import with_home

# File systems allow 255 bytes; results add an extension and the mark of an incomplete file.
MAX_NAME_BYTES = 180
# Wildcards and path variables of Snakemake, characters that no line of text can hold, and repetitions that Snakemake
# takes for a loop.
UNUSABLE = re.compile(r"[{}<>\x00-\x1f\x7f\ud800-\udfff]|(.+?)\1{9}", re.DOTALL)


@cache
def recordings_in(folder: str | None) -> dict[str, Path]:
    """Name the files of a folder: {name: path}, by name.

    The name is the file name without its extension. Where two files would share that name, it is the whole file name.
    A name that cannot be used is shortened to its usable characters and a checksum. Hidden files and folders are left
    out.

    Raises
    ------
    ConfigError
        If there is no such folder, or no file in it.
    """
    if folder is None:
        raise ConfigError("recordings is empty: name a folder, --config recordings=FOLDER")
    place = Path(with_home(folder, "recordings")).resolve()
    if not place.is_dir():
        raise ConfigError(f"recordings is {folder!r}, but no folder is there: name the folder of your recordings")
    paths = sorted(path for path in place.iterdir() if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise ConfigError(f"recordings is {folder!r}, but no file is in it: name the folder that holds the recordings")
    return names_of(paths)


def names_of(paths: Sequence[Path]) -> dict[str, Path]:
    """Name the files of one folder: {name: path}, by name, as :func:`recordings_in`."""
    files, stems = {path.name for path in paths}, Counter(path.stem for path in paths)
    named = {path.stem if stems[path.stem] == 1 and path.stem not in files else path.name: path for path in paths}
    return {usable(name): path for name, path in sorted(named.items())}


def usable(name: str) -> str:
    """Replace a name that Snakemake or the file system does not accept."""
    if len(os.fsencode(name)) <= MAX_NAME_BYTES and not UNUSABLE.search(name):
        return name
    return f"{re.sub('[^A-Za-z0-9.-]', '_', name)[:40]}-{sha256(os.fsencode(name)).hexdigest()[:8]}"


def _recordings_or_exit(folder: str | None) -> dict[str, Path]:
    """Call :func:`recordings_in` for an input function: a configuration error ends the run with one line."""
    try:
        return recordings_in(folder)
    except ConfigError as error:
        raise SystemExit(f"soundsift: {error}") from error


def per_recording(pattern: str, folder: str | None) -> Callable[[Any], list[str]]:
    """Return an input function that gives one file per recording."""
    return lambda _: [pattern.replace("{name}", name) for name in _recordings_or_exit(folder)]


def path_of_recording(folder: str | None) -> Callable[[Any], str]:
    """Return a params function that gives the path of a job's recording, percent-encoded."""
    return lambda wildcards: encode_path(_recordings_or_exit(folder)[wildcards.name])


def state_of_recording(folder: str | None) -> Callable[[Any], list[int]]:
    """Return a params function that gives size and modification time of a job's recording.

    They differ for another file of the same name, even for one that is older.
    """

    def state(wildcards: Any) -> list[int]:
        found = _recordings_or_exit(folder)[wildcards.name].stat()
        return [found.st_size, found.st_mtime_ns]

    return state
