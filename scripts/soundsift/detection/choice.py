"""The recordings that a command names: files, folders and patterns."""

import glob
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from soundsift.detection.formats import FORMATS
from soundsift.detection.recordings import names_of, usable
from soundsift.errors import InputError

# Name of the table of all recordings, beside the files of each one.
TABLE = "recordings.csv"


def chosen(paths: Iterable[str], recursive: bool) -> dict[str, Path]:
    """Find the recordings and name their results: {name: path}, in the order of the paths.

    The name of a file is that which the workflow gives it, below the name of its folder if it was found in a subfolder.
    Where two files of results would have the same name, the second recording gets a checksum. Hidden files are left
    out. Dead links and folders that cannot be read are recordings too: the reason is found when they are opened.

    Parameters
    ----------
    paths
        Files, folders, and patterns such as ``*.mp3`` that match nothing by their letters.
    recursive
        Whether files in subfolders count.

    Raises
    ------
    InputError
        If there is no such file or folder, or nothing is found.
    """
    paths = list(paths)
    found: dict[str, Path] = {}
    seen: set[str] = set()
    files, folders = {TABLE}, set[str]()
    for given in paths:
        for root, folder, there in _by_folder(given, recursive):
            place = PurePath(*(usable(part) for part in folder.relative_to(root).parts))
            for name, path in names_of(there).items():
                # Path.resolve raises an error for a link to itself
                real = os.path.realpath(path)
                if real in seen:
                    continue
                seen.add(real)
                key = place / name
                if not _is_free(key, files, folders):
                    marked = f"{name}-{hashlib.sha256(os.fsencode(real)).hexdigest()[:8]}"
                    # a result of another recording may stand where the folder would be
                    key = place / marked if _is_free(place / marked, files, folders) else PurePath(marked)
                files |= _results(key)
                folders |= {str(parent) for parent in key.parents}
                found[str(key)] = path
    if not found:
        raise InputError(f"no file is in {', '.join(paths)}: name recordings or their folder")
    return found


def _results(key: PurePath) -> set[str]:
    """Return the files of a recording in all formats."""
    return {f"{key}{one.ending}" for one in FORMATS.values()}


def _is_free(key: PurePath, files: set[str], folders: set[str]) -> bool:
    """Return whether no file of results would be in the place of another file or of a folder."""
    return _results(key).isdisjoint(files | folders) and files.isdisjoint(map(str, key.parents))


def _by_folder(given: str, recursive: bool) -> Iterator[tuple[Path, Path, list[Path]]]:
    """Yield the folder that was given, a folder in it, and the files of this one."""
    if not given:
        raise InputError("a path is empty: name recordings or their folder, . for the current one")
    path = Path(given)
    if not os.path.isdir(path):
        if not _is_missing(path):
            yield path.parent, path.parent, [path]
            return
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
        except OSError:  # its row has the reason
            root = path.parent if folder == path else path
            yield root, folder.parent, [folder]
            continue
        yield path, folder, [one for one in there if _may_be_file(one)]
        waiting += [one for one in there if recursive and os.path.isdir(one) and not os.path.islink(one)]


def _is_missing(path: Path) -> bool:
    """Return whether nothing has this name, not even a dead link. A name that cannot be looked up is not missing."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def _may_be_file(path: Path) -> bool:
    """Return whether a name in a folder is a file, a dead link, or cannot be looked up."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True
