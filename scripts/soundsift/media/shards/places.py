"""Where shards are: listing them and opening them, on disk or on the Hugging Face Hub."""

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from glob import glob
from pathlib import Path
from typing import Any, BinaryIO

from soundsift.config.sources import index_path, split_pattern
from soundsift.errors import InputError
from soundsift.files import read_json

# File that names the shards of an index.
SET = "set.json"


@dataclass(frozen=True)
class Shard:
    """A shard.

    Attributes
    ----------
    name
        Path below the folder of the pattern.
    version
        Text that changes when the content does.
    n_bytes
        Size in bytes.
    """

    name: str
    version: str
    n_bytes: int


class Place(ABC):
    """A set of shards that a pattern names."""

    # Bytes that are read at once. A request takes as long as the transfer of about this many bytes.
    read_bytes: int
    # What a user can do about an indexed shard that is not there.
    against_loss: str

    @abstractmethod
    def shards(self) -> list[Shard]:
        """List the shards by name.

        Raises
        ------
        InputError
            If there is none, or the place cannot be read.
        """

    def left_out(self) -> list[str]:
        """Name what the pattern matches but is no file."""
        return []

    @abstractmethod
    def open(self, shard: Shard) -> BinaryIO:
        """Open a shard for reading at any position, without a buffer of more than ``read_bytes``.

        Raises
        ------
        FileNotFoundError
            If the shard does not exist any more.
        """

    @abstractmethod
    def address(self, name: str) -> str:
        """Return the address of a shard for records, without folders of this machine."""

    @abstractmethod
    def is_unchanged(self, shard: Shard) -> bool:
        """Return whether a shard is still the one that was listed."""

    def check(self, shard: Shard) -> None:  # noqa: B027
        """Check that the place can be read at present, where :meth:`is_unchanged` does not find out; ask it once.

        Raises
        ------
        FetchError, SoundsiftError, OSError
            If it cannot.
        """

    @property
    def revision(self) -> str:
        """The version of the whole set, if it has one."""
        return ""


class Folder(Place):
    """Shards on disk."""

    read_bytes = 1 << 20

    def __init__(self, url: str) -> None:
        self._pattern = url.removeprefix("file://")
        self._folder = Path(split_pattern(self._pattern)[0])
        self.against_loss = (
            f"mount the disk, delete {index_path(url).removesuffix('.parquet')} if only some shards are gone for good, "
            "or take the source out of download.sources"
        )

    def shards(self) -> list[Shard]:
        """List the shards by name; their version is made of size and modification time."""
        found = sorted(path for path in self._matching() if os.path.isfile(path))
        if not found:
            raise InputError(f"no file matches {self._pattern}: mount the disk or correct download.sources")
        return [Shard(os.path.relpath(path, self._folder), version_of(path), os.path.getsize(path)) for path in found]

    def left_out(self) -> list[str]:
        """Name links whose file is gone, and folders."""
        return sorted(os.path.relpath(path, self._folder) for path in self._matching() if not os.path.isfile(path))

    def _matching(self) -> list[str]:
        return glob(self._pattern, recursive=True)

    def open(self, shard: Shard) -> BinaryIO:
        """Open a file."""
        return open(self._folder / shard.name, "rb", buffering=8192)

    def address(self, name: str) -> str:
        """Return ``file:`` and the name of the shard."""
        return f"file:{name}"

    def is_unchanged(self, shard: Shard) -> bool:
        """Compare size and modification time.

        Raises
        ------
        FileNotFoundError
            If the shard does not exist any more.
        """
        return version_of(self._folder / shard.name) == shard.version


def place_of(url: str, revision: str = "") -> Place:
    """Return the place that an address names.

    Parameters
    ----------
    revision
        For the Hub: the revision that was indexed. Without it, the newest is looked up.
    """
    if url.startswith("hf://"):
        from soundsift.media.shards.hub import HubFolder  # takes half a second to import

        return HubFolder(url, revision)
    return Folder(url)


def version_of(path: str | os.PathLike[str]) -> str:
    """Return size and modification time of a file."""
    found = os.stat(path)
    return f"{found.st_size}-{found.st_mtime_ns}"


def state_now(url: str, folder: str) -> str:
    """Return a text that changes with the shards that an address names at present, for Snakemake to compare.

    If no shard is on disk any more, it is the one of the index, which is still of use. The Hub is not asked. The text
    changes too when a source could not be reached although it was to be indexed, so that a later run tries again, and
    when the folder is deleted while shards of the index are gone.

    Parameters
    ----------
    folder
        Where the ids of each shard are kept.
    """
    known = read_set(Path(folder))
    unreached = str(known.get("unreached", ""))
    if not url.startswith("file://"):
        return unreached
    try:
        return state_of(Folder(url).shards(), shards_of(known)) + unreached
    except InputError:
        return str(known.get("state", ""))


def read_set(folder: Path) -> dict[str, Any]:
    """Return what is known of the shards of an index; nothing if there is none or its file is damaged."""
    try:
        known = read_json(folder / SET)
        known["shards"] = [list(asdict(Shard(*shard)).values()) for shard in known["shards"]]
        return known if {"state", "revision"} <= known.keys() else {}
    except (InputError, OSError, KeyError, TypeError):
        return {}


def shards_of(known: Mapping[str, Any]) -> list[Shard]:
    """Return the shards of an index of which :func:`read_set` knows."""
    return [Shard(*shard) for shard in known.get("shards", ())]


def state_of(listed: Sequence[Shard], indexed: Sequence[Shard]) -> str:
    """Return a digest that changes with the shards that are listed, and with those of the index that are not."""
    names = {shard.name for shard in listed}
    lost = sorted(shard.name for shard in indexed if shard.name not in names)
    state = [(shard.name, shard.version) for shard in listed], lost
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]
