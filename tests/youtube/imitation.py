"""An imitation of YouTube on the loopback interface: a proxy that answers for every host itself.

yt-dlp is given the address of the proxy and the certificate. It then asks for www.youtube.com and googlevideo.com as
usual, and its requests end here. No request leaves this machine.
"""

import contextlib
import json
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from tests.site.site import spoiled
from tests.youtube.cases import Case, Format
from tests.youtube.media import LAYOUTS, PLAYLISTS, SECONDS

PLAYER_JS = (Path(__file__).parent / "player.js").read_text()
PLAYER_PATH = "/s/player/{}/player_ias.vflset/en_US/base.js"
SHARED_PLAYER = "0123abcd"
CLIENTS = {"WEB": "page", "TVHTML5": "tv", "VISIONOS": "visionos", "WEB_EMBEDDED_PLAYER": "embedded"}
# Preview pictures. With them yt-dlp has formats, although none has sound.
STORYBOARD = "https://i.ytimg.com/sb/video/storyboard3_L$L/$N.jpg|48#27#100#10#10#0#default#signature"
HANG_SECONDS = 30.0
PIECE_BYTES = 1 << 14


def make_certificate(folder: Path) -> Path:
    """Make a key and a self-signed certificate with the openssl program; both are in the file that is returned."""
    names = ",".join(f"DNS:{name}" for name in ("*.youtube.com", "*.googlevideo.com"))
    path = folder / "certificate.pem"
    subprocess.run(
        [shutil.which("openssl") or "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-subj", "/CN=imitation", "-addext", f"subjectAltName={names}", "-days", "2",
         "-keyout", path, "-out", folder / "public.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + (folder / "public.pem").read_bytes())
    return path


class YouTube:
    """The running imitation.

    Parameters
    ----------
    folder
        Media as :func:`tests.youtube.media.write_layouts` writes them, one folder for each sound.
    certificate
        From :func:`make_certificate`.
    delay_seconds
        Pause before each answer.

    Attributes
    ----------
    videos
        {video id: what its clients and media answer}.
    requests
        Number of requests, by (video id, kind). Kinds are ``www``, ``manifest`` and ``media``.
    sent
        Number of bytes of media, by video id.
    playable_at
        Times, in seconds since 1970, before which the media of videos with advertisements are refused.
    scripts
        {id of a player script: its fault}. A script with a fault is that of one video, because yt-dlp keeps scripts.
    """

    def __init__(self, folder: Path, certificate: Path, delay_seconds: float = 0.0) -> None:
        self.folder, self.delay_seconds = folder, delay_seconds
        self.videos: dict[str, Case] = {}
        self.requests: Counter[tuple[str, str]] = Counter()
        self.sent: Counter[str] = Counter()
        self.playable_at: dict[str, float] = {}
        self.scripts = {SHARED_PLAYER: ""}
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate)
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"youtube": self}))
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "YouTube":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def n_requests(self, kind: str, video_id: str | None = None) -> int:
        """Return the number of requests of a kind, for one video or all."""
        return sum(n for (of, what), n in self.requests.items() if what == kind and video_id in (None, of))

    def player_response(self, video_id: str, client: str) -> dict[str, Any]:
        """Return what the player API answers about a video."""
        case = self.videos[video_id]
        answer = getattr(case, client)
        shown = "another-one" if answer == "another video" else video_id
        details: dict[str, Any] = {
            "videoId": shown, "title": "A title: Private video", "lengthSeconds": str(case.stated_seconds or SECONDS),
            "isLiveContent": False,
        }  # fmt: skip
        response: dict[str, Any] = {"playabilityStatus": {"status": "OK"}, "videoDetails": details}
        if answer in ("live", "processing"):
            flag = {"live": "isLive", "processing": "isPostLiveDvr"}[answer]
            details |= {flag: True, "isLiveContent": True}
        elif answer in ("trailer", "premiere"):
            screen = {"playerLegacyDesktopYpcTrailerRenderer": {"trailerVideoId": "the-trailer"}}
            status = {"trailer": "UNPLAYABLE", "premiere": "LIVE_STREAM_OFFLINE"}[answer]
            response["playabilityStatus"] = {"status": status, "errorScreen": screen}
            if answer == "premiere":
                response["playabilityStatus"]["reason"] = "Premieres in 5 hours"
        elif ": " in answer:
            status, text = answer.split(": ", 1)
            reason, _, subreason = text.partition(" | ")
            screen = {"playerErrorMessageRenderer": {"reason": {"simpleText": reason}}}
            if subreason:
                screen["playerErrorMessageRenderer"]["subreason"] = {"simpleText": subreason}
            response["playabilityStatus"] = {"status": status, "reason": reason, "errorScreen": screen}
            return response
        if case.ad_seconds:
            # yt-dlp counts whole seconds from the answer of the client whose formats it takes
            self.playable_at.setdefault(video_id, int(time.time()) + case.ad_seconds)
            renderer = {"instreamVideoAdRenderer": {"playerVars": f"length_seconds={case.ad_seconds}"}}
            config = {"adPlacementConfig": {"kind": "AD_PLACEMENT_KIND_START"}}
            response["adPlacements"] = [{"adPlacementRenderer": {"config": config, "renderer": renderer}}]
        response["storyboards"] = {"playerStoryboardSpecRenderer": {"spec": STORYBOARD}}
        if answer != "empty":
            response["streamingData"] = self._streaming_data(case, video_id, answer, client)
        return response

    def _streaming_data(self, case: Case, video_id: str, answer: str, client: str) -> dict[str, Any]:
        data: dict[str, Any] = {"adaptiveFormats": [], "formats": []}
        for number, one in enumerate(case.formats):
            if one.layout in PLAYLISTS and (answer in ("sabr", "drm") or client == "page"):
                continue
            if one.layout in PLAYLISTS:
                challenge = f"/n/n{video_id}" if case.challenge else ""
                data["hlsManifestUrl"] = (
                    f"https://manifest.googlevideo.com/api/manifest/hls_variant/id/{video_id}{challenge}"
                    f"/of/{number}/file/index.m3u8"
                )
                continue
            data["formats" if one.layout == "mp4" else "adaptiveFormats"].append(
                self._format(case, video_id, number, one, answer)
            )
        if case.dash and client != "page":
            data["dashManifestUrl"] = f"https://manifest.googlevideo.com/api/manifest/dash/id/{video_id}/of/0"
        # the page gives addresses only to its own player
        if answer in ("sabr", "only playlist") or client == "page":
            return data | {kind: _without_addresses(data[kind]) for kind in ("formats", "adaptiveFormats")}
        return data

    def _format(self, case: Case, video_id: str, number: int, one: Format, answer: str) -> dict[str, Any]:
        name, mime, itag = LAYOUTS[one.layout]
        size = (self.folder / one.sound / name).stat().st_size
        found: dict[str, Any] = {
            "itag": itag, "mimeType": mime, "bitrate": 48_000 if one.layout == "low" else 128_000,
            "contentLength": str(size), "approxDurationMs": str(SECONDS * 1000), "audioChannels": one.channels,
            "audioQuality": "AUDIO_QUALITY_LOW" if one.layout == "low" else "AUDIO_QUALITY_MEDIUM",
            "audioSampleRate": "44100",
        }  # fmt: skip
        if one.layout == "mp4":
            found |= {"width": 64, "height": 36, "quality": "small", "qualityLabel": "36p"}
        if one.language:
            label = f"{one.language} original" if one.original else one.language
            track = {"id": f"{one.language}.{number}", "displayName": label, "audioIsDefault": one.default}
            found["audioTrack"] = track
        if one.drc:
            found["isDrc"] = True
        if answer == "drm":
            found["drmFamilies"] = ["WIDEVINE"]
        if answer == "broken":
            found["mimeType"] = 7
        if not one.address:
            return found
        query = {"id": video_id, "of": number, "itag": itag}
        address = "https://rr1---sn-imitation.googlevideo.com/videoplayback?"
        if not case.challenge:
            return found | {"url": address + urlencode(query)}
        address += urlencode(query | {"n": f"n{video_id}"})
        return found | {"signatureCipher": f"s={'signature-of-' + video_id}&sp=sig&url={quote(address, safe='')}"}


def _without_addresses(formats: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: one[name] for name in one if name not in ("url", "signatureCipher")} for one in formats]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Ignore errors: clients close the connection when they have read enough."""


class _Handler(BaseHTTPRequestHandler):
    youtube: YouTube
    protocol_version = "HTTP/1.1"
    host = ""

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""

    def handle(self) -> None:
        if self.connection.recv(1, socket.MSG_PEEK) == b"\x05":
            self._accept_socks()
        super().handle()

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.connection.close()

    def _accept_socks(self) -> None:
        """Answer as a SOCKS5 proxy without a login."""
        self.rfile.read(1)
        self.rfile.read(self.rfile.read(1)[0])
        self.wfile.write(b"\x05\x00")
        kind = self.rfile.read(4)[3]
        self.host = self.rfile.read(self.rfile.read(1)[0]).decode() if kind == 3 else ""
        self.rfile.read(2 if kind == 3 else 6)
        self.wfile.write(b"\x05\x00\x00\x01" + struct.pack(">4sH", socket.inet_aton("127.0.0.1"), 443))
        self._encrypt()

    def do_CONNECT(self) -> None:
        self.host = self.path.rpartition(":")[0]
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._encrypt()
        self.close_connection = False

    def _encrypt(self) -> None:
        self.connection = self.youtube.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        client = CLIENTS[asked["context"]["client"]["clientName"]]
        self._count(asked["videoId"], "www")
        if not self._fail(getattr(self.youtube.videos[asked["videoId"]], client)):
            self._send_json(self.youtube.player_response(asked["videoId"], client))

    def do_GET(self) -> None:
        if not self.host:  # a proxy for plain HTTP is not needed
            return self._send(400, b"", "text/plain")
        url = urlsplit(self.path)
        fields = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if script := re.fullmatch(PLAYER_PATH.format("([0-9a-f]{8})"), url.path):
            return self._script(script[1])
        if url.path == "/watch":
            return self._watch(fields["v"])
        if url.path.startswith("/embed/"):
            self._count(url.path.split("/")[2], "www")
            context = {"client": {"clientName": "WEB_EMBEDDED_PLAYER", "clientVersion": "2.20260708.00.00"}}
            config = json.dumps({"INNERTUBE_CONTEXT": context, "INNERTUBE_CONTEXT_CLIENT_NAME": 56})
            return self._send(200, f"<script>ytcfg.set({config});</script>".encode(), "text/html")
        if url.path.startswith("/api/manifest/"):
            return self._manifest(url.path)
        if url.path == "/videoplayback":
            return self._media(fields)
        return self._send(404, b"", "text/plain")

    def _count(self, video_id: str, kind: str) -> None:
        self.youtube.requests[video_id, kind] += 1
        time.sleep(self.youtube.delay_seconds)

    def _fail(self, answer: str) -> bool:
        """Fail a request if the answer is a kind of failure; return whether it did."""
        if answer == "hang":
            time.sleep(HANG_SECONDS)
        if answer in ("hang", "drop"):
            self.close_connection = True
        elif answer == "endless":
            self._send_on("", b"#EXTM3U\n")
        elif answer == "html":
            self._send(200, b"<!doctype html><title>Sorry</title>", "text/html")
        elif answer[:3].isdecimal():
            status, _, seconds = answer.partition(" retry ")
            self._send(int(status), b"{}", "application/json", {"Retry-After": seconds} if seconds else None)
        else:
            return False
        return True

    def _watch(self, video_id: str) -> None:
        self._count(video_id, "www")
        case = self.youtube.videos[video_id]
        if self._fail(case.page):
            return
        player = f"{zlib.crc32(video_id.encode()):08x}" if case.script else SHARED_PLAYER
        self.youtube.scripts.setdefault(player, case.script)
        config = {"PLAYER_JS_URL": PLAYER_PATH.format(player), "VISITOR_DATA": "visitor"}
        response = json.dumps(self.youtube.player_response(video_id, "page"))
        page = (
            f"<!doctype html><title>A title</title><script>ytcfg.set({json.dumps(config)});</script>"
            f"<script>var ytInitialPlayerResponse = {response};</script>"
            f'<script>var ytInitialData = {{"contents": {{"text": "{case.note}"}}}};</script>'
        )
        self._send(200, page.encode(), "text/html; charset=utf-8")

    def _script(self, player: str) -> None:
        """Send a player script, with a fault ``once`` at the first request only."""
        self._count("", "www")
        fault = self.youtube.scripts[player]
        if fault.endswith(" once"):
            fault, self.youtube.scripts[player] = fault.removesuffix(" once"), ""
        if not self._fail(fault):
            self._send(200, spoiled(PLAYER_JS.encode(), fault), "text/javascript", fault=fault)

    def _manifest(self, path: str) -> None:
        """Send the master playlist, the playlist of a format or a piece of it."""
        fields = re.findall(r"/(id|of|n|piece)/([^/]+)", path)
        video_id, number = dict(fields)["id"], dict(fields)["of"]
        case = self.youtube.videos[video_id]
        if "piece" in dict(fields):
            name = dict(fields)["piece"]
            return self._send_file(video_id, self.youtube.folder / case.formats[int(number)].sound / name, case.media)
        self._count(video_id, "manifest")
        if "/dash/" in path:
            return self._send(404, b"", "text/plain")
        if case.media.startswith("playlist ") and self._fail(case.media.removeprefix("playlist ")):
            return None
        if case.challenge and dict(fields).get("n") != f"n{video_id}"[::-1]:
            return self._send(403, b"", "text/plain")
        root = f"https://manifest.googlevideo.com/api/manifest/hls_playlist/id/{video_id}/n/{f'n{video_id}'[::-1]}/of/{number}/itag/234"
        language = f'LANGUAGE="{spoken}",' if (spoken := case.formats[int(number)].language) else ""
        if "hls_variant" in path:
            text = (
                f'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="234",NAME="Default",DEFAULT=YES,AUTOSELECT=YES,{language}'
                f'URI="{root}/playlist/index.m3u8"\n'
                '#EXT-X-STREAM-INF:BANDWIDTH=200000,CODECS="avc1.42001E,mp4a.40.2",RESOLUTION=64x36,AUDIO="234"\n'
                f"{root}/playlist/index.m3u8\n"
            )
        else:
            one = case.formats[int(number)]
            text = (self.youtube.folder / one.sound / f"{one.layout}.m3u8").read_text()
            text = re.sub(r'(?m)(^|(?<=URI="))(?=hls)', f"{root}/piece/", text)
        return self._send(200, text.encode(), "application/vnd.apple.mpegurl")

    def _media(self, fields: dict[str, str]) -> None:
        case = self.youtube.videos[fields["id"]]
        one = case.formats[int(fields["of"])]
        path = self.youtube.folder / one.sound / LAYOUTS[one.layout][0]
        solved = {"n": f"n{fields['id']}"[::-1], "sig": f"signature-of-{fields['id']}"[::-1]}
        early = time.time() < self.youtube.playable_at.get(fields["id"], 0.0)
        if early or (case.challenge and {name: fields.get(name) for name in solved} != solved):
            self._count(fields["id"], "media")
            return self._send(403, b"", "text/plain")
        return self._send_file(fields["id"], path, case.media)

    def _send_file(self, video_id: str, path: Path, fault: str) -> None:
        """Send a range of a file, or all of it, with a fault."""
        self._count(video_id, "media")
        if fault == "endless":
            return self._send_on(video_id)
        if self._fail(fault):
            return
        data, status = spoiled(path.read_bytes(), fault), 200
        extra = {}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and fault != "no range" and data:
            first, last = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
            if first >= len(data):
                return self._send(416, b"", "text/plain")
            place = "*" if fault == "no place" else f"{first}-{last}"
            size = "*" if fault in ("no size", "no place") else len(data)
            extra, status = {"Content-Range": f"bytes {place}/{size}"}, 206
            data = data[first : last + 1]
        self.youtube.sent[video_id] += self._send(status, data, "audio/mp4", extra, fault)

    def _send_on(self, video_id: str, text: bytes = b"\0") -> None:
        """Send data until the client closes the connection."""
        self.send_response(200)
        self.send_header("Content-Type", "audio/mp4")
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(OSError):
            while self.wfile.write(text * (PIECE_BYTES // len(text))):
                self.youtube.sent[video_id] += PIECE_BYTES

    def _send_json(self, found: dict[str, Any]) -> None:
        self._send(200, json.dumps(found).encode(), "application/json")

    def _send(self, status: int, data: bytes, kind: str, extra: dict[str, str] | None = None, fault: str = "") -> int:
        """Send an answer; return how many bytes of its body were taken before the client closed the connection."""
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(extra or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if fault == "cut":
            self.close_connection = True
            data = data[: len(data) // 2]
        for begin in range(0, len(data), PIECE_BYTES):
            try:
                self.wfile.write(data[begin : begin + PIECE_BYTES])
            except OSError:
                self.close_connection = True
                return begin
            time.sleep(0.02 if fault == "slow" else 0.0)
        return len(data)
