"""Downloads of single files over HTTP. A broken transfer is resumed; a file gets its name only when it is complete."""

import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import requests

from soundsift.errors import InputError
from soundsift.files import sha256_of, write_json

TIMEOUT_SECONDS = 60.0
PAUSE_SECONDS = 2.0
CHUNK_BYTES = 1 << 13


def fetch(url: str, path: Path, record: Path, tries: int = 5) -> None:
    """Download ``url`` to ``path``; write its address, size, SHA-256 and the time to ``record``.

    An incomplete download is kept beside ``path`` under a hidden name. The next call resumes it if the server still has
    the same file (same entity tag), and starts again otherwise.

    Parameters
    ----------
    record
        JSON file: url, bytes, sha256, fetched (ISO 8601).
    tries
        Attempts in this call. The pause before the next one begins at 2 s and doubles.

    Raises
    ------
    InputError
        If the server refuses the request, answers with a web page or with nothing, or the transfer failed ``tries``
        times. The bytes received so far are kept, except for the last few kilobytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    for attempt in range(1, tries + 1):
        try:
            _resume(url, part)
            break
        except (requests.RequestException, OSError) as error:
            reason = " ".join(str(error).split())
            if attempt == tries or not _is_transient(error):
                n_bytes = part.stat().st_size if part.exists() else 0
                raise InputError(
                    f"{url} cannot be fetched ({reason}): run again to resume after the {n_bytes:,} bytes "
                    f"already received, or put the file at {path} yourself"
                ) from error
            logging.warning("attempt %d of %d failed: %s", attempt, tries, reason)
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
    found = {"url": url, "bytes": part.stat().st_size, "sha256": sha256_of(part)}
    os.replace(part, path)
    _tag_of(part).unlink(missing_ok=True)
    write_json(found | {"fetched": datetime.now(UTC).isoformat(timespec="seconds")}, record)


def _is_transient(error: Exception) -> bool:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code == requests.codes.too_many_requests or error.response.status_code >= 500
    return isinstance(error, requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError)


def _tag_of(part: Path) -> Path:
    return part.with_suffix(".etag")


def _resume(url: str, part: Path) -> None:
    """Append the missing bytes to ``part``, or start again if the server cannot resume."""
    # without compression, so that the size of the part is a position in the file
    headers = {"Accept-Encoding": "identity"}
    if part.exists() and _tag_of(part).exists():
        headers |= {"Range": f"bytes={part.stat().st_size}-", "If-Range": _tag_of(part).read_text(encoding="latin-1")}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:  # complete, but not yet moved
            part.unlink()
            raise requests.ConnectionError("the server has no bytes after those received: starting again")
        answer.raise_for_status()
        if "text/html" in answer.headers.get("Content-Type", ""):
            raise requests.exceptions.InvalidURL("the answer is a web page")
        continues = answer.status_code == requests.codes.partial_content
        if continues and not answer.headers.get("Content-Range", "").startswith(f"bytes {part.stat().st_size}-"):
            part.unlink()
            raise requests.ConnectionError("the server sent another range than requested: starting again")
        if not continues:
            part.unlink(missing_ok=True)
            _tag_of(part).unlink(missing_ok=True)
            tag = answer.headers.get("ETag", "")
            if tag and not tag.startswith("W/"):
                _tag_of(part).write_text(tag, encoding="latin-1")
        with open(part, "ab" if continues else "wb") as file:
            for chunk in answer.iter_content(CHUNK_BYTES):
                file.write(chunk)
    if part.stat().st_size == 0:
        part.unlink()
        _tag_of(part).unlink(missing_ok=True)
        raise requests.exceptions.InvalidURL("the answer is empty")
