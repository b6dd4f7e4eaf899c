"""A folder of the user's own recordings, and the name under which each is answered.

Read by the Snakefile at every start, so nothing heavy is imported here. The folder is looked into when ``detect`` asks
for it, and by no other run. A path goes to its job percent-encoded, and as a parameter: as an input Snakemake would
take curly brackets for wildcards, and an older file in the place of another for nothing new.
"""

import os
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from soundsift.errors import ConfigError

# Longer names, with an ending and what marks a file as incomplete, are refused by file systems.
LONGEST_BYTES = 180
# What Snakemake would take for a wildcard, what no line holds, and what it takes for a loop.
UNFIT = re.compile(r"[{}\x00-\x1f\x7f\ud800-\udfff]|(.+?)\1{9}", re.DOTALL)


@cache
def recordings_in(folder: str | None) -> dict[str, Path]:
    """Name the files of a folder: {name: path}, by name.

    The name is the file's without its ending, or the whole where that would be the name of two; of a name that cannot
    be used what can, and a checksum. Hidden files and folders are left out.

    Raises
    ------
    ConfigError
        If there is no such folder, or no file in it.
    """
    if folder is None:
        raise ConfigError("recordings is empty: name a folder, --config recordings=FOLDER")
    place = Path(folder).expanduser().resolve()
    if not place.is_dir():
        raise ConfigError(f"recordings is {folder!r}, but no folder is there: name the folder of your recordings")
    paths = sorted(path for path in place.iterdir() if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise ConfigError(f"recordings is {folder!r}, but no file is in it: name the folder that holds the recordings")
    files, stems = {path.name for path in paths}, Counter(path.stem for path in paths)
    named = {path.stem if stems[path.stem] == 1 and path.stem not in files else path.name: path for path in paths}
    return {_fit(name): path for name, path in sorted(named.items())}


def _fit(name: str) -> str:
    if len(os.fsencode(name)) <= LONGEST_BYTES and not UNFIT.search(name):
        return name
    return f"{re.sub('[^A-Za-z0-9.-]', '_', name)[:40]}-{sha256(os.fsencode(name)).hexdigest()[:8]}"


def asked_for(folder: str | None) -> dict[str, Path]:
    """As :func:`recordings_in`, for input functions: what is wrong ends the run with its one line."""
    try:
        return recordings_in(folder)
    except ConfigError as error:
        raise SystemExit(f"soundsift: {error}") from error


def per_recording(pattern: str, folder: str | None) -> Callable[[Any], list[str]]:
    """One file per recording, as an input function."""
    return lambda _: [pattern.replace("{name}", name) for name in asked_for(folder)]


def path_of_recording(folder: str | None) -> Callable[[Any], str]:
    """The path of a job's recording, percent-encoded; :func:`decoded` turns it back."""
    return lambda wildcards: quote(os.fsencode(asked_for(folder)[wildcards.name]))


def state_of_recording(folder: str | None) -> Callable[[Any], list[int]]:
    """Size and time of a job's recording: another file under the same name has others, be it older."""

    def state(wildcards: Any) -> list[int]:
        found = asked_for(folder)[wildcards.name].stat()
        return [found.st_size, found.st_mtime_ns]

    return state


def decoded(path: str) -> Path:
    """A percent-encoded path as it is."""
    return Path(os.fsdecode(unquote_to_bytes(path)))
