"""A folder of the user's own recordings, and the name under which each is answered.

Read by the Snakefile at every start, so nothing heavy is imported here.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from soundsift.errors import ConfigError


def recordings_in(folder: str | None) -> dict[str, str]:
    """Name the files of a folder: {name: path}, by name; empty where there is no folder.

    The name is the file's without its ending, or the whole where that would be the name of two. Hidden files and
    folders are left out.

    Raises
    ------
    ConfigError
        If there is no such folder, or no file in it.
    """
    if folder is None:
        return {}
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise ConfigError(f"recordings is {folder!r}, but no folder is there: name the folder of your recordings")
    paths = sorted(path for path in place.iterdir() if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise ConfigError(f"recordings is {folder!r}, but no file is in it: name the folder that holds the recordings")
    files, stems = {path.name for path in paths}, Counter(path.stem for path in paths)
    named = {path.stem if stems[path.stem] == 1 and path.stem not in files else path.name: path for path in paths}
    return {name: str(path) for name, path in sorted(named.items())}


def per_recording(pattern: str, names: Iterable[str]) -> Callable[[Any], list[str]]:
    """One file per recording, as an input function: a name may hold what Snakemake would take for a wildcard.

    Raises
    ------
    ConfigError
        When the files are asked for and there is no recording.
    """

    def paths(_: Any) -> list[str]:
        found = [pattern.replace("{name}", name) for name in names]
        if not found:
            raise ConfigError("recordings is empty: name a folder, --config recordings=FOLDER")
        return found

    return paths


def one_recording(recordings: Mapping[str, str]) -> Callable[[Any], str]:
    """The path of the recording that a job is about, as an input function."""
    return lambda wildcards: recordings[wildcards.name]
