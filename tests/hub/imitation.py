"""An imitation of the Hugging Face Hub on the loopback interface: one data set from a folder, with faults on request.

It serves what huggingface_hub asks for: the data set and its revision, the tree of files, and files with redirects and
byte ranges, as the Hub sends them from another host.
"""

import contextlib
import hashlib
import json
import re
import threading
from collections import Counter
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

DATASET = "owner/AudioSet"
REVISION = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_imitation"
PAGE = 3


class Hub:
    """The running imitation.

    Attributes
    ----------
    revisions
        {name: commit}
    access
        ``open``, ``private`` (401 without the token) or ``gated`` (its files give 403 without the token).
    faults
        Faults of the next requests for parts of files, one for each: a status code, (status, Retry-After),
        (status, headers), or ``cut`` (the connection is closed after half of the body).
    api_faults
        The same for requests about the data set and its files.
    asked
        Paths of all requests.
    sent
        {file: bytes sent of it}
    """

    def __init__(self, folder: Path) -> None:
        self.reset(folder)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def reset(self, folder: Path) -> None:
        """Serve a folder without faults."""
        self.folder = folder
        self.revisions = {"main": REVISION}
        self.access = "open"
        self.faults: list[object] = []
        self.api_faults: list[object] = []
        self.asked: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()

    def __enter__(self) -> "Hub":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def entries(self, below: str, recursive: bool) -> list[dict[str, object]]:
        """Entries of the tree, as the Hub lists them."""
        root = self.folder / below
        found = sorted(root.rglob("*") if recursive else root.iterdir())
        return [self.entry(path) for path in found]

    def entry(self, path: Path) -> dict[str, object]:
        """One file or folder."""
        name = path.relative_to(self.folder).as_posix()
        if path.is_dir():
            return {"type": "directory", "oid": "0" * 40, "size": 0, "path": name}
        size, digest = path.stat().st_size, sha256_of(path, path.stat().st_mtime_ns)
        lfs = {"oid": digest, "size": size, "pointerSize": 134}
        return {"type": "file", "oid": digest[:40], "size": size, "path": name, "lfs": lfs}


@cache
def sha256_of(path: Path, _: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Ignore errors: clients close connections."""


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._answer(body)

        def _answer(self, body: str = "") -> None:
            url = urlsplit(self.path)
            # a revision with slashes is one part of the path
            parts, query = unquote(url.path.replace("%2F", "|")), parse_qs(url.query)
            path = parts.replace("|", "/")
            self._fault = None
            if path == "/api/agent-harnesses":  # once a day, besides what is asked for
                return self._send(404, b"", {})
            hub.asked[path] += 1
            faults = hub.api_faults if path.startswith("/api") else hub.faults if path.startswith("/cdn") else []
            if faults:
                self._fault = faults.pop(0)
            if isinstance(self._fault, tuple):
                status, asked = self._fault
                return self._send(status, b"", asked if isinstance(asked, dict) else {"Retry-After": str(asked)})
            if isinstance(self._fault, int):
                return self._send(self._fault, b"", {})
            known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            if match := re.fullmatch(r"/cdn/(.+)", path):
                return self._file(match[1])
            found = re.match(r"(?:/api)?/datasets/([^/]+/[^/]+)(.*)", parts)
            if not found or found[1] != DATASET or (hub.access == "private" and not known):
                return self._error(401, "RepoNotFound", "Invalid username or password.")
            asked = re.match(r"/(revision|tree|resolve|paths-info)/([^/]+)", found[2])
            revision = asked[2].replace("|", "/") if asked else "main"
            if revision not in (*hub.revisions, *hub.revisions.values()):
                return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            what, rest = (asked[1], found[2][asked.end() + 1 :].replace("|", "/")) if asked else ("", "")
            if not path.startswith("/api"):
                if hub.access == "gated" and not known:
                    return self._error(403, "GatedRepo", f"Access to dataset {DATASET} is restricted.")
                return self._resolve(rest)
            if what == "tree":
                return self._tree(rest, query)
            if what == "paths-info":
                names = parse_qs(body).get("paths") or json.loads(body)["paths"]
                files = [hub.folder / name for name in names]
                return self._json([hub.entry(file) for file in files if file.exists()])
            commit = hub.revisions.get(revision, revision)
            info = {"id": DATASET, "sha": commit, "private": False, "gated": False, "tags": [], "siblings": []}
            return self._json(info)

        def _tree(self, below: str, query: dict[str, list[str]]) -> None:
            if not (hub.folder / below).is_dir():
                return self._error(404, "EntryNotFound", f"{below} does not exist")
            entries = hub.entries(below, query.get("recursive") == ["True"] or query.get("recursive") == ["true"])
            first = int(query.get("cursor", ["0"])[0])
            link = {}
            if first + PAGE < len(entries):
                one = urlsplit(self.path)
                rest = "&".join(part for part in one.query.split("&") if not part.startswith("cursor="))
                link = {"Link": f'<{hub.endpoint}{one.path}?{rest}&cursor={first + PAGE}>; rel="next"'}
            self._json(entries[first : first + PAGE], link)

        def _resolve(self, name: str) -> None:
            if not (hub.folder / name).is_file():
                return self._error(404, "EntryNotFound", f"{name} does not exist")
            self._send(302, b"", {"Location": f"{hub.endpoint}/cdn/{name}", "X-Repo-Commit": REVISION})

        def _file(self, name: str) -> None:
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            with open(hub.folder / name, "rb") as file:
                size = file.seek(0, 2)
                first, last = (int(asked[1]), min(int(asked[2]), size - 1)) if asked else (0, size - 1)
                file.seek(first)
                data = file.read(last - first + 1)
            hub.sent[name] += len(data)
            headers = {"Content-Range": f"bytes {first}-{last}/{size}"} if asked else {}
            self._send(206 if asked else 200, data, headers)

        def _json(self, found: object, headers: dict[str, str] | None = None) -> None:
            self._send(200, json.dumps(found).encode(), {"Content-Type": "application/json"} | (headers or {}))

        def _error(self, status: int, code: str, message: str) -> None:
            self._send(
                status, json.dumps({"error": message}).encode(), {"X-Error-Code": code, "X-Error-Message": message}
            )

        def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                cut = self._fault == "cut"
                self.close_connection = self.close_connection or cut
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.wfile.write(data[: len(data) // 2] if cut else data)

    return Handler
