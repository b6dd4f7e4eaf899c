"""The recordings that a command names: files, folders and patterns."""

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from soundsift.detection.recordings import names_of, usable
from soundsift.errors import InputError


def chosen(paths: Iterable[str], recursive: bool) -> dict[str, Path]:
    """Find the recordings and name their results: {name: path}, in the order of the paths.

    The name of a file is that which the workflow gives it, below the name of its folder if it was found in a subfolder.
    Where two names would be the same, the second one gets a checksum. Hidden files are left out.

    Parameters
    ----------
    paths
        Files, folders, and patterns such as ``*.mp3`` that match nothing by their letters.
    recursive
        Whether files in subfolders count.

    Raises
    ------
    InputError
        If there is no such file or folder, a folder cannot be read, or nothing is found.
    """
    found: dict[str, Path] = {}
    seen: set[Path] = set()
    for given in paths:
        for root, folder, files in _by_folder(given, recursive):
            place = Path(*(usable(part) for part in folder.relative_to(root).parts))
            for name, path in names_of(files).items():
                if path.resolve() in seen:
                    continue
                seen.add(path.resolve())
                key = str(place / name)
                if key in found or key == "recordings":
                    key += f"-{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:8]}"
                found[key] = path
    if not found:
        raise InputError(f"no file is in {', '.join(paths)}: name recordings or their folder")
    return found


def _by_folder(given: str, recursive: bool) -> Iterator[tuple[Path, Path, list[Path]]]:
    """Yield the folder that was given, a folder in it, and the files of this one."""
    path = Path(given)
    if path.is_file():
        yield path.parent, path.parent, [path]
        return
    if not path.is_dir():
        matches = sorted(glob.glob(given, recursive=recursive))
        if not matches:
            raise InputError(f"{given} is no file or folder: name recordings or their folder")
        for match in matches:
            yield from _by_folder(match, recursive)
        return
    waiting = [path]
    while waiting:
        folder = waiting.pop(0)
        try:
            there = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
        except OSError as error:
            raise InputError(f"the folder {folder} cannot be read: {error.strerror}") from error
        yield path, folder, [one for one in there if one.is_file()]
        waiting += [one for one in there if recursive and one.is_dir() and not one.is_symlink()]
