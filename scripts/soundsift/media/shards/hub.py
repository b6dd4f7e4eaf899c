"""Shards of a data set on the Hugging Face Hub, read in parts through huggingface_hub.

The library reads ``HF_ENDPOINT`` and ``HF_TOKEN`` from the environment, and the token of ``hf auth login``.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import Any, BinaryIO, cast
from urllib.parse import unquote

import httpx2
from huggingface_hub import HfApi, HfFileSystem, get_session, set_client_factory
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HfUriError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]

from soundsift.config.sources import HUB
from soundsift.errors import ConfigError, InputError, SourceError
from soundsift.media.fetch_error import FetchError, retry_after
from soundsift.media.shards.places import Place, Shard

# The library repeats requests by itself, after the pause that the Hub asks for. A longer pause is not left to it.
PATIENCE_SECONDS = 30.0
# Time limit for connecting and for each part of an answer, where the library sets none.
TIMEOUT_SECONDS = 30.0


class HubFolder(Place):
    """Shards of a data set at one revision."""

    read_bytes = 8 << 20
    against_loss = "delete resources/shards to read the newest version"

    def __init__(self, url: str, revision: str = "") -> None:
        parts = HUB.fullmatch(url)
        assert parts is not None
        self._dataset, self._pattern = parts["dataset"], parts["pattern"]
        self._asked, self._revision = _revision_of(parts["revision"]), revision

    @cached_property
    def _files(self) -> HfFileSystem:
        return HfFileSystem(skip_instance_cache=True)

    @cached_property
    def revision(self) -> str:
        """The commit of the data set."""
        if self._revision:
            return self._revision
        with self._plain_errors():
            found = HfApi().repo_info(self._dataset, repo_type="dataset", revision=self._asked)
        return str(found.sha)

    @property
    def _root(self) -> str:
        return f"datasets/{self._dataset}@{self.revision}"

    def shards(self) -> list[Shard]:
        """List the shards by name; their version is the checksum of their content."""
        root = self._root
        try:
            with self._plain_errors():
                found = cast(dict[str, Any], self._files.glob(f"{root}/{self._pattern}", detail=True))
        except FileNotFoundError:
            found = {}
        files = {path: info for path, info in found.items() if info["type"] == "file"}
        if not files:
            raise InputError(
                f"no file of {self._dataset} matches {self._pattern}: look at its files on the Hub and correct "
                "download.sources"
            )
        start = len(root) + 1
        return [Shard(path[start:], _checksum(info), int(info["size"])) for path, info in sorted(files.items())]

    def open(self, shard: Shard) -> BinaryIO:
        """Open a file; each read of a new part is one request."""
        with self._plain_errors():
            file = self._files.open(
                f"{self._root}/{shard.name}", "rb", block_size=self.read_bytes, cache_type="none", size=shard.n_bytes
            )
        return cast(BinaryIO, HubFile(file, self._plain_errors))

    def _plain_errors(self) -> AbstractContextManager[None]:
        return plain_errors(self._dataset, self._asked, self._revision)

    def address(self, name: str) -> str:
        """Return the address with the revision."""
        return f"hf://{self._root}/{name}"

    def is_unchanged(self, shard: Shard) -> bool:
        """Return True: a commit does not change."""
        return True

    def check(self, shard: Shard) -> None:
        """Read the first byte of a shard: the commit may be gone from the Hub, or closed to us."""
        with self.open(shard) as file:
            file.read(1)


def _revision_of(text: str | None) -> str | None:
    """Return the revision that an address names; ``~parquet`` is the Hub's word for ``refs/convert/parquet``.

    Examples
    --------
    >>> _revision_of("refs%2Fpr%2F3"), _revision_of("~parquet"), _revision_of("v1.0"), _revision_of(None)
    ('refs/pr/3', 'refs/convert/parquet', 'v1.0', None)
    """
    if text is not None and text.startswith("~"):
        return f"refs/convert/{text.removeprefix('~')}"
    return unquote(text) if text is not None else None


class HubFile(io.RawIOBase):
    """A file on the Hub, with the workflow's own errors."""

    def __init__(self, file: Any, plain_errors: Callable[[], AbstractContextManager[None]]) -> None:
        self._file, self._plain_errors = file, plain_errors

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def size(self) -> int:
        """Return the size in bytes."""
        return int(self._file.size)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        left = self.size() - self.tell()
        size = left if size is None or size < 0 else min(size, left)
        if size <= 0:
            return b""
        with self._plain_errors():
            data = bytes(self._file.read(size))
        if len(data) != size:
            raise FetchError("network", f"{len(data)} of {size} bytes came", 0.0)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()


def _checksum(info: dict[str, Any]) -> str:
    """Return the checksum of a file's content."""
    lfs = info.get("lfs")
    return str(lfs["sha256"] if lfs else info["blob_id"])


@contextmanager
def plain_errors(dataset: str, asked: str | None = None, indexed: str = "") -> Iterator[None]:
    """Replace the errors of huggingface_hub by those of the workflow.

    Parameters
    ----------
    asked
        The revision of the configuration.
    indexed
        The revision of the index.

    Raises
    ------
    SourceError
        If the data set may not be read, or it or its revision does not exist.
    ConfigError
        If the Hub cannot be asked for it at all.
    FetchError
        For errors that may pass.
    """
    try:
        yield
    except (HfHubHTTPError, httpx2.HTTPError, OSError, ValueError, RuntimeError) as error:
        # the file system reports a data set that may not be read as a missing file
        cause = error.__cause__ if isinstance(error.__cause__, HfHubHTTPError) else error
        plain = _plain(cause, dataset, asked, indexed)
        if plain is error:
            raise
        raise plain from error


def _plain(error: BaseException, dataset: str, asked: str | None, indexed: str) -> BaseException:
    log_in = "log in with hf auth login or set HF_TOKEN"
    match error:
        case GatedRepoError():
            return SourceError(
                "forbidden", f"the data set {dataset} is gated: accept its conditions on its page, and {log_in}"
            )
        case RevisionNotFoundError() if indexed not in ("", asked):
            return SourceError(
                "forbidden",
                f"the data set {dataset} no longer has the version {indexed} that was indexed: delete resources/shards "
                "to read the newest version, and run the same command again",
            )
        case RevisionNotFoundError() if not indexed:
            return ConfigError(f"the data set {dataset} has no revision {asked}: correct download.sources")
        case RevisionNotFoundError():
            return SourceError("forbidden", f"the data set {dataset} has no revision {asked}: correct download.sources")
        case RepositoryNotFoundError():
            return SourceError(
                "forbidden",
                f"the Hub has no data set {dataset}, or it is private: correct download.sources, or {log_in}",
            )
        case HfHubHTTPError() if error.response.status_code in (401, 403):
            status = error.response.status_code
            return SourceError("forbidden", f"the Hub refuses the data set {dataset} ({status}): {log_in}")
        case HfHubHTTPError():
            return _of_status(error.response, dataset)
        case OfflineModeIsEnabled():
            return ConfigError("HF_HUB_OFFLINE is set, so the Hub cannot be asked: remove it from the environment")
        case HFValidationError() | HfUriError():
            line = str(error).splitlines()[0]
            return ConfigError(f"the Hub has no data set of the name {dataset} ({line}): correct download.sources")
        case httpx2.TimeoutException() | TimeoutError():
            return FetchError("timeout", "the Hub did not answer in time", 0.0)
        case httpx2.HTTPError():
            return FetchError("network", f"the connection to the Hub failed: {error}", 0.0)
        case json.JSONDecodeError():
            return FetchError("server_error", f"the Hub answers with no JSON for {dataset}", 0.0)
        case RuntimeError() if "client has been closed" in str(error):
            # the library closes the client of all threads when one of them cannot connect
            return FetchError("network", "the connection to the Hub failed", 0.0)
    return error


def _of_status(response: httpx2.Response, dataset: str) -> Exception:
    """Return the error for an HTTP status. huggingface_hub has repeated the request five times for 429 and 5xx."""
    reason = f"the Hub answers {response.status_code} for {dataset}"
    if response.status_code in (404, 410):
        return FileNotFoundError(reason)
    outcome = "rate_limited" if response.status_code == 429 else "server_error"
    return FetchError(outcome, reason, _pause_of(response))


def _pause_of(response: httpx2.Response) -> float:
    """Return the pause in seconds that the Hub asks for; 0 if it does not."""
    limit = parse_ratelimit_headers(response.headers) if response.status_code == 429 else None
    seconds = float(limit.reset_in_seconds) if limit and not limit.remaining else 0.0
    return max(seconds, retry_after(response.headers.get("Retry-After")))


def _refuse_long_pause(response: httpx2.Response) -> None:
    """Let the library not wait for long, however long the Hub asks for: the job would be held meanwhile."""
    if response.is_error and (seconds := _pause_of(response)) > PATIENCE_SECONDS:
        outcome = "rate_limited" if response.status_code == 429 else "server_error"
        raise FetchError(outcome, f"the Hub answers {response.status_code} and asks for {seconds:.0f} s", seconds)


def _limit_time(request: httpx2.Request) -> None:
    """Set a time limit where the library sets none, as for the lists of files."""
    limits = request.extensions.get("timeout", {})
    request.extensions["timeout"] = {
        what: TIMEOUT_SECONDS if limits.get(what) is None else limits[what]
        for what in ("connect", "read", "write", "pool")
    }


def _use_own_client() -> None:
    before = [*get_session().event_hooks["request"], _limit_time]
    set_client_factory(
        lambda: httpx2.Client(event_hooks={"request": before, "response": [_refuse_long_pause]}, follow_redirects=True)
    )


_use_own_client()
