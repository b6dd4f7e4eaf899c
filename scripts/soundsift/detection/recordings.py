"""The folder of the user's own recordings, and the name of each recording in the results.

The Snakefile imports this module at every start, so it imports nothing slow. The folder is read only when ``detect`` is
requested. A job gets the paths of its recordings percent-encoded and as a parameter. If a path were an input, Snakemake
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
from soundsift.detection.state import file_state
from soundsift.errors import ConfigError
from soundsift.homes import with_home

# Sound in a group of recordings, which one job analyses.
GROUP_SECONDS = 3600.0
# For the estimate of a duration: uncompressed and lossless files in CD quality, and all others.
BYTES_PER_SECOND = {".wav": 176_000, ".aif": 176_000, ".aiff": 176_000, ".flac": 90_000}
COMPRESSED_BYTES_PER_SECOND = 16_000
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


@cache
def groups_of(folder: str | None) -> dict[str, dict[str, Path]]:
    """Divide the recordings into groups of about an hour of sound, each for one job: {group: {name: path}}.

    The group of a recording depends only on its name and on the number of groups, which is a power of two. A new
    recording therefore changes only its own group, until there are twice as many.
    """
    recordings = _recordings_or_exit(folder)
    seconds, n = sum(_estimated_seconds(path) for path in recordings.values()), 1
    while n * GROUP_SECONDS < seconds and n < len(recordings):
        n *= 2
    groups: dict[str, dict[str, Path]] = {}
    for name, path in recordings.items():
        number = int(sha256(os.fsencode(name)).hexdigest(), 16) % n
        groups.setdefault(f"{number:04d}-of-{n:04d}", {})[name] = path
    return groups


def _estimated_seconds(path: Path) -> float:
    """Estimate a duration from the size of a file. Opening thousands of files would delay the planning."""
    return path.stat().st_size / BYTES_PER_SECOND.get(path.suffix.lower(), COMPRESSED_BYTES_PER_SECOND)


def recordings_of_group(folder: str | None) -> Callable[[Any], list[list[str]]]:
    """Return a params function that gives name and percent-encoded path of the recordings of a job."""
    return lambda wildcards: [[name, encode_path(path)] for name, path in groups_of(folder)[wildcards.group].items()]


def states_of_group(folder: str | None) -> Callable[[Any], list[list[int]]]:
    """Return a params function that gives size and modification time of the recordings of a job.

    They differ for another file of the same name, even for one that is older.
    """
    return lambda wildcards: [file_state(path) for path in groups_of(folder)[wildcards.group].values()]
