"""A small video site on the loopback interface: it serves a folder with byte ranges, counts requests and injects faults."""

import contextlib
import hashlib
import re
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TYPES = {
    ".csv": "text/csv", ".m4a": "audio/mp4", ".mp4": "video/mp4", ".webm": "video/webm",
    ".m3u8": "application/vnd.apple.mpegurl", ".ts": "video/mp2t",
}  # fmt: skip
HANG_SECONDS = 60.0


class Site:
    """The running site.

    Attributes
    ----------
    faults
        {video id: fault}. A fault is a status code, alone or as (status, value of Retry-After), or one of

        - ``hang``, ``stall``: sends nothing, or stops after half of the body
        - ``drip``, ``stream``: sends a byte now and then, or data without end
        - ``cut``, ``short``: closes the connection after half of the body, or states half of the true length
        - ``hang up``: closes the connection without an answer
        - ``redirect``: redirects to the same address
        - ``long redirect``: likewise, with data without end
        - ``no_range``: ignores byte ranges
        - ``page``, ``empty``, ``truncated``, ``flipped``: serves a web page, nothing, half of the file, or the file
          with a bit flipped in every five hundredth byte

        Faults in a list are used one per request; then the site works again.
    requests
        Number of requests for each video.
    first_asked
        Time of the first request for each video, by the monotonic clock.
    sent
        Number of bytes sent of each video.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: dict[str, Any] = {}
        self.requests: Counter[str] = Counter()
        self.first_asked: dict[str, float] = {}
        self.sent: Counter[str] = Counter()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}/{{video_id}}.m4a"

    def __enter__(self) -> "Site":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @staticmethod
    def tag_of(path: Path) -> str:
        """Return the entity tag of a file, which depends on its content."""
        return f'"{hashlib.md5(path.read_bytes()).hexdigest()}"'

    def fault_of(self, video_id: str) -> Any:
        """Return the next fault of a video; None if there is none."""
        fault = self.faults.get(video_id)
        if isinstance(fault, list):
            return fault.pop(0) if fault else None
        return fault


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Ignore errors: clients close the connection when they have read enough."""


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, with_body: bool) -> None:
            path = site.folder / self.path.lstrip("/")
            site.requests[path.stem] += 1
            site.first_asked.setdefault(path.stem, time.monotonic())
            fault = site.fault_of(path.stem)
            if isinstance(fault, tuple):
                return self._send(fault[0], b"", "text/plain", with_body, {"Retry-After": str(fault[1])})
            if isinstance(fault, int) or (not path.is_file() and fault is None):
                return self._send(fault if isinstance(fault, int) else 404, b"", "text/plain", with_body)
            if fault == "hang":
                time.sleep(HANG_SECONDS)
            if fault == "hang up":
                self.close_connection = True
                return None
            if fault in ("drip", "stream"):
                return self._send_on(b"." if fault == "drip" else bytes(1 << 16), 0.2 if fault == "drip" else 0.01)
            if fault == "long redirect":
                return self._send_on(bytes(1 << 16), 0.01, 302, {"Location": self.path})
            if fault == "redirect":
                return self._send(302, b"", "text/plain", with_body, {"Location": self.path})
            if fault == "page":
                return self._send(200, b"<!doctype html><title>Not here</title>", "text/html", with_body)
            data = spoiled(path.read_bytes(), fault)
            kind = TYPES[path.suffix]
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            tag = {"ETag": site.tag_of(path)}
            same = self.headers.get("If-Range", tag["ETag"]) == tag["ETag"]
            if asked and fault != "no_range" and data and same:
                first, last = int(asked[1]), int(asked[2] or len(data) - 1)
                if first >= len(data):
                    return self._send(416, b"", "text/plain", with_body)
                extra = {"Content-Range": f"bytes {first}-{last}/{len(data)}", "Accept-Ranges": "bytes"} | tag
                return self._send(206, data[first : last + 1], kind, with_body, extra, fault)
            extra = tag | ({} if fault == "no_range" else {"Accept-Ranges": "bytes"})
            return self._send(200, data, kind, with_body, extra, fault)

        def _send_on(
            self, piece: bytes, pause_seconds: float, status: int = 200, extra: dict[str, str] | None = None
        ) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "audio/mp4", "Content-Length": str(10**9), **(extra or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.close_connection = True
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(500):
                    self.wfile.write(piece)
                    site.sent[Path(self.path).stem] += len(piece)
                    time.sleep(pause_seconds)

        def _send(
            self,
            status: int,
            data: bytes,
            kind: str,
            with_body: bool,
            extra: dict[str, str] | None = None,
            fault: Any = None,
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data) // 2 if fault == "short" else len(data)))
            for name, value in (extra or {}).items():
                self.send_header(name, value)
            if fault in ("cut", "stall", "short"):
                self.send_header("Connection", "close")  # or else the client may ask again while it is being closed
            self.end_headers()
            if with_body:
                data = data[: len(data) // 2] if fault in ("cut", "stall") else data
                site.sent[Path(self.path).stem] += len(data)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.wfile.write(data)
                    if fault == "stall":
                        time.sleep(HANG_SECONDS)

    return Handler


def spoiled(data: bytes, fault: Any) -> bytes:
    """Return what a site with this fault serves instead of a file."""
    if fault == "empty":
        return b""
    if fault == "truncated":
        return data[: len(data) // 2]
    if fault == "flipped":
        flipped = bytearray(data)
        for at in range(len(data) // 4, len(data), 500):
            flipped[at] ^= 1 << at % 8
        return bytes(flipped)
    return data
