"""Downloads of single files over HTTP. A broken transfer is resumed; a file gets its name only when it is complete."""

import logging
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import requests

from soundsift.errors import InputError
from soundsift.files import sha256_of, write_json

CONNECT_SECONDS = 5.0
TIMEOUT_SECONDS = 60.0
PAUSE_SECONDS = 1.0
# Attempts if no attempt has reached the server.
UNREACHED_TRIES = 2
CHUNK_BYTES = 1 << 13


class _WrongAnswer(requests.RequestException):
    """The answer is not the file."""


def fetch(
    url: str, path: Path, record: Path, sha256: str | None = None, wanted: Sequence[Path] = (), tries: int = 6
) -> None:
    """Download ``url`` to ``path``; write its address, size, SHA-256 and the time to ``record``.

    An incomplete download is kept beside ``path`` under a hidden name. The next call resumes it if the server still has
    the same file (same entity tag), and starts again otherwise.

    Parameters
    ----------
    record
        JSON file: url, bytes, sha256, fetched (ISO 8601).
    sha256
        Checksum that the file must have; None if it is not known.
    wanted
        All files that the run needs from AudioSet. The error names them all, so that it is the same for all files that
        fail for the same reason.
    tries
        Attempts in this call. The pause before the next one begins at 1 s and doubles.

    Raises
    ------
    InputError
        If the server cannot be reached, refuses the request, answers with a web page, with nothing or with another
        file, or the transfer failed ``tries`` times. The bytes of a broken transfer are kept, except for the last few
        kilobytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    was_reached = False
    for attempt in range(1, tries + 1):
        try:
            _resume(url, part)
            break
        except (requests.RequestException, OSError) as error:
            logging.warning("attempt %d of %d: %s: %s", attempt, tries, type(error).__name__, error)
            was_reached = was_reached or not _is_unreached(error)
            if attempt == (tries if was_reached else UNREACHED_TRIES) or not _is_transient(error):
                raise InputError(_advice(_reason(error), [*wanted, path])) from error
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
    found = {"url": url, "bytes": part.stat().st_size, "sha256": sha256_of(part)}
    _tag_of(part).unlink(missing_ok=True)
    if sha256 not in (None, found["sha256"]):
        part.unlink()
        raise InputError(
            f"{url} was downloaded with the SHA-256 {found['sha256']}, but AudioSet's file has {sha256}; the download "
            "was deleted: run the same command again. If this message comes again, a proxy may have changed the file, "
            f"or AudioSet has: put a file that you trust at {path}"
        )
    os.replace(part, path)
    write_json(found | {"fetched": datetime.now(UTC).isoformat(timespec="seconds")}, record)


def _advice(reason: str, wanted: Sequence[Path]) -> str:
    # the same line for every file: Snakemake deletes an existing one just before its job
    names = ", ".join(dict.fromkeys(path.name for path in wanted))
    return (
        f"AudioSet's files cannot be downloaded ({reason}): run the same command again, or put what is missing of "
        f"{names} into {wanted[0].parent}/ yourself; the lists and tables come from "
        "https://research.google.com/audioset/download.html, ontology.json from https://github.com/audioset/ontology"
    )


def _reason(error: Exception) -> str:
    """The reason in words that are the same for every file and server."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}".strip()
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy of this machine cannot be reached or refuses"
    if isinstance(error, requests.exceptions.SSLError):
        return "no secure connection to the server, perhaps because a proxy replaces its certificate"
    if _is_unreached(error):
        return "no connection to the server"
    if _is_transient(error):
        return "the connection was cut or the server did not answer"
    return " ".join(str(error).split())


def _is_unreached(error: Exception) -> bool:
    """Whether no connection was made: the name is unknown, there is no route or no answer, or a proxy is in the way."""
    # only these errors are wrapped in an exception with a reason; requests reads an answer once, without retries
    return isinstance(error, requests.ConnectionError) and hasattr(error.args[0], "reason")


def _is_transient(error: Exception) -> bool:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code == requests.codes.too_many_requests or error.response.status_code >= 500
    return isinstance(error, requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError)


def _tag_of(part: Path) -> Path:
    return part.with_suffix(".etag")


def _close_redirect(response: requests.Response, **_: object) -> None:
    """Leave the body of a redirect unread: requests would read it to its end, and it may have none."""
    if response.is_redirect:
        response.close()


def _resume(url: str, part: Path) -> None:
    """Append the missing bytes to ``part``, or start again if the server cannot resume."""
    # without compression, so that the size of the part is a position in the file
    headers = {"Accept-Encoding": "identity"}
    if part.exists() and _tag_of(part).exists():
        headers |= {"Range": f"bytes={part.stat().st_size}-", "If-Range": _tag_of(part).read_text(encoding="latin-1")}
    hooks, timeout = {"response": _close_redirect}, (CONNECT_SECONDS, TIMEOUT_SECONDS)
    with requests.get(url, headers=headers, stream=True, timeout=timeout, hooks=hooks) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:  # complete, but not yet moved
            part.unlink()
            raise requests.ConnectionError("the server has no bytes after those received: starting again")
        answer.raise_for_status()
        if "text/html" in answer.headers.get("Content-Type", ""):
            raise _WrongAnswer("the answer is a web page")
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
        raise _WrongAnswer("the answer is empty")
