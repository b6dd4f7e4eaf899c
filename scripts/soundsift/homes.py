"""The home directory: paths in it, and other folders for libraries if it cannot be written or does not exist."""

import getpass
import os
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from multiprocessing.util import Finalize
from pathlib import Path

from soundsift.errors import ConfigError


def use_writable_homes() -> None:
    """Give libraries folders for temporary files instead of those in the home that cannot be written.

    Without these folders Matplotlib looks for fonts again in every job, and Keras reads its settings from a folder
    that any user may make. yt-dlp, deno and numba keep their caches in ``XDG_CACHE_HOME``. Jobs inherit the
    environment.
    """
    settings = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    usual = {
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or "~/.cache",
        "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR") or f"{settings}/matplotlib",
        "KERAS_HOME": os.environ.get("KERAS_HOME") or "~/.keras",
    }
    missing = [variable for variable, folder in usual.items() if not _is_writable(os.path.expanduser(folder))]
    if missing:
        there = temporary_home() or _folder_of_this_run()
        for variable in missing:
            (there / variable.lower()).mkdir(exist_ok=True)
            os.environ[variable] = str(there / variable.lower())
    try:
        getpass.getuser()
    except (KeyError, OSError):
        # a container's user without a name; Snakemake writes the name into its log
        os.environ["LOGNAME"] = str(os.getuid())


def temporary_home() -> Path | None:
    """Return a folder that all processes of this user share and only they can write.

    It is in the folder for temporary files. None if another user has made a folder of this name.
    """
    folder = _temporary_home()
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return folder if is_ours else None


def _temporary_home() -> Path:
    return Path(tempfile.gettempdir()) / f"soundsift-{os.getuid()}"


def _folder_of_this_run() -> Path:
    """Make a folder that is deleted when this process ends, and say why there is no lasting one."""
    folder = Path(tempfile.mkdtemp(prefix="soundsift-"))
    # unlike atexit, not in a process that was forked
    Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=0)
    print(
        f"soundsift: the home cannot be written, and {_temporary_home()} is not only yours: caches are in {folder} "
        "until this run ends. Delete the former folder, or set HOME to one that you can write",
        file=sys.stderr,
    )
    return folder


def _is_writable(folder: str) -> bool:
    """Return whether a folder can be written, or be made, without making it."""
    if not os.path.isabs(folder):
        return False  # without a home, "~" is left
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)


def with_home(path: str, key: str) -> str:
    """Replace ``~`` at the beginning of a path by the home directory.

    Raises
    ------
    ConfigError
        If the home directory, or the user after ``~``, is not known.
    """
    found = os.path.expanduser(path)
    if found.startswith("~"):
        raise ConfigError(f"{key} is {path}, but that home directory is not known: set it to a path without ~")
    return found
