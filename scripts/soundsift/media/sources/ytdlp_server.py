"""Answering requests for clips with yt-dlp, inside the process that :mod:`ytdlp_process` starts.

yt-dlp finds the media and sends every request. Sections are copied by :mod:`soundsift.media.sources.sections`. ffmpeg
is not used: as a program of its own it would ignore certificates, proxies and other options of yt-dlp.
"""

import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yt_dlp
from yt_dlp import YoutubeDL
from yt_dlp.networking import Request
from yt_dlp.networking.exceptions import HTTPError, RequestError
from yt_dlp.utils import DownloadError

from soundsift.errors import MediaError
from soundsift.media.archive import NO_SECTION
from soundsift.media.decode import held_seconds, length_of
from soundsift.media.sources.base import Media, is_about_storage
from soundsift.media.sources.sections import (
    NoSectionError,
    RemoteFile,
    Section,
    copy_section,
    copy_section_of_pieces,
)
from soundsift.media.sources.ytdlp_errors import UNABLE, classify, retry_after_seconds

SOCKET_TIMEOUT_SECONDS = 20.0
# Seconds of the stretch that may be missing at either end of a section, because sections are cut at packets.
SECTION_TOLERANCE_SECONDS = 0.05
# Bit rate of a format that does not state its own, in kbit/s.
ASSUMED_KBPS = 128.0
# yt-dlp's language_preference of the default and of the original sound track is at least this.
ORIGINAL_PREFERENCE = 5
DEFAULTS: dict[str, Any] = {
    # the original sound track before dubs; then AAC, because Opus in WebM has time stamps of whole milliseconds
    "format": "bestaudio/best",
    "format_sort": ["lang", "aext"],
    "socket_timeout": SOCKET_TIMEOUT_SECONDS,
    "retries": 0,
    "extractor_retries": 0,
    "fragment_retries": 0,
    "skip_unavailable_fragments": False,
    "continuedl": False,
    "hls_prefer_native": True,
    # a folder without ffmpeg
    "ffmpeg_location": str(Path(yt_dlp.__file__).parent),
    "fixup": "never",
    "color": "no_color",
}
# Options that the workflow relies on.
_OURS: dict[str, Any] = {"noplaylist": True, "noprogress": True, "overwrites": True, "ignoreerrors": False}
_RESERVED = frozenset(_OURS) | {"logger", "outtmpl", "paths", "simulate", "skip_download", "download_ranges"}


class _Log:
    """Sends yt-dlp's messages to the job's log, and keeps the warnings of one request.

    Errors are not logged here: they are raised as exceptions too.
    """

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def debug(self, message: str) -> None:
        logging.debug(message)

    def info(self, message: str) -> None:
        logging.debug(message)

    def warning(self, message: str) -> None:
        self.warnings.append(message)
        logging.warning(message)

    def error(self, message: str) -> None:
        logging.debug(message)


class Server:
    """Answers requests one after the other with one ``YoutubeDL``.

    Parameters
    ----------
    options
        For ``YoutubeDL``; they override :data:`DEFAULTS`.

    Raises
    ------
    ValueError
        If an option is reserved for the workflow. yt-dlp raises various errors for invalid options.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        if reserved := sorted(_RESERVED.intersection(options)):
            raise ValueError(f"{', '.join(reserved)} may not be set")
        self._log = _Log()
        self._ydl = YoutubeDL(DEFAULTS | options | _OURS | {"logger": self._log})
        if not options.keys() & {"format", "format_sort"}:
            self._skip_needless_playlists()

    def _skip_needless_playlists(self) -> None:
        """Keep YouTube's extractor from requesting a playlist when it has already found the sound at a direct address.

        This wraps two of yt-dlp's methods, one of them internal. If a later version has not got them, it requests the
        playlists.
        """
        youtube = self._ydl.get_info_extractor("Youtube")
        find_formats = getattr(youtube, "_extract_formats_and_subtitles", None)
        request_playlist = youtube._extract_m3u8_formats_and_subtitles
        if find_formats is None:
            return
        found_sound = False

        def formats(*args: Any, **kwargs: Any) -> Iterator[dict[str, Any]]:
            nonlocal found_sound
            found_sound = False
            for one in find_formats(*args, **kwargs):
                found_sound = found_sound or _is_wanted_sound(one)
                yield one

        def playlist(*args: Any, **kwargs: Any) -> Any:
            return ([], {}) if found_sound else request_playlist(*args, **kwargs)

        youtube._extract_formats_and_subtitles = formats
        youtube._extract_m3u8_formats_and_subtitles = playlist

    def answer(
        self, url: str, stretch: tuple[float, float], section: tuple[float, float] | None, trimmed: bool, folder: str
    ) -> dict[str, Any]:
        """Fetch a section, or the whole file if there is no usable section. Return the media or the error as a dict."""
        self._log.warnings.clear()
        try:
            info = self._find(url)
            found = self._fetch_section(info, section, stretch, Path(folder, "section")) if section else None
            if found is None:
                note = NO_SECTION if section else ""
                found = self._fetch_whole(info, Path(folder), stretch, stretch[0] if trimmed else 0.0, note)
            return asdict(found) | {"path": str(found.path)}
        except MediaError as error:
            return {"outcome": error.outcome, "reason": error.reason, "retry_after_seconds": 0.0}
        except Exception as error:  # yt-dlp raises errors of any class when a site changes
            if is_about_storage(error):
                return {"storage": re.sub(r"^.*\[Errno \d+\] ", "", str(error))}
            outcome, reason = classify(error, self._log.warnings)
            # the reason is recorded and must not contain a path of this machine
            reason = reason.replace(f"{folder}/", "")
            return {"outcome": outcome, "reason": reason, "retry_after_seconds": retry_after_seconds(error)}

    def _find(self, url: str) -> dict[str, Any]:
        """Ask the site about a video; return the chosen format and what is known of the video."""
        info: dict[str, Any] = self._ydl.extract_info(url, download=False)
        if info.get("entries") is not None:
            raise MediaError("corrupt", "the answer is a list of videos, not one")
        if info["extractor_key"] == "Youtube":
            asked = self._ydl.get_info_extractor("Youtube").get_temp_id(url)
            if asked != info["id"]:
                raise MediaError(
                    "members_only", f"the site offers another video instead ({info['id']}), such as a trailer"
                )
        if info.get("live_status") == "is_live":
            raise MediaError("unavailable", "it is a live stream")
        if info.get("live_status") == "post_live":
            raise MediaError("unrecognised", "the recording of a live stream is not complete yet")
        return info

    def _fetch_section(
        self, info: dict[str, Any], section: tuple[float, float], stretch: tuple[float, float], stem: Path
    ) -> Media | None:
        """Fetch a section; None if that is not possible, or if its time stamps do not cover the stretch."""
        duration: float | None = info.get("duration")
        if duration and duration + 1.0 < stretch[0]:
            raise MediaError("too_short", f"the video ends after {duration:g} s")
        try:
            found = self._copy(info, section, stem)
            needed_end = min(stretch[1], found.source_seconds or duration or stretch[1])
            if (
                found.begins_seconds > stretch[0] + SECTION_TOLERANCE_SECONDS
                or found.ends_seconds < needed_end - SECTION_TOLERANCE_SECONDS
            ):
                raise NoSectionError(f"it holds only {found.begins_seconds:.2f} s to {found.ends_seconds:.2f} s")
            held = held_seconds(found.path, stretch[0] - found.begins_seconds, stretch[1] - found.begins_seconds)
            return Media(found.path, found.begins_seconds, found.ends_seconds, held)
        except (NoSectionError, MediaError) as error:
            logging.info("%s: the section is unusable: %s", info["id"], error)
            return None

    def _copy(self, info: dict[str, Any], section: tuple[float, float], stem: Path) -> Section:
        if info.get("requested_formats") or info.get("fragments"):
            raise NoSectionError("it consists of several parts")
        # YouTube refuses a request that comes before an advertisement would have ended
        time.sleep(max(0.0, (info.get("available_at") or 0.0) - time.time()))
        url = info["url"]
        if info["protocol"] in ("http", "https"):
            kbps = info.get("tbr") or info.get("abr") or ASSUMED_KBPS
            block_bytes = int(kbps * 125 * (section[1] - section[0]))
            return copy_section(RemoteFile(lambda *span: self._range(info, *span), block_bytes), *section, stem)
        if info["protocol"] in ("m3u8", "m3u8_native"):
            playlist, _ = self._get(info, url)
            return copy_section_of_pieces(
                playlist.decode(), url, lambda piece: self._get(info, piece)[0], *section, stem
            )
        raise NoSectionError(f"{info['protocol']} has no sections")

    def _range(self, info: dict[str, Any], first: int, last: int) -> tuple[bytes, int]:
        try:
            data, stated = self._get(info, info["url"], Range=f"bytes={first}-{last}")
        except DownloadError as error:
            if isinstance(error.exc_info[1], HTTPError) and error.exc_info[1].status == 416:
                raise NoSectionError("the server has no such bytes") from error
            raise
        size = re.fullmatch(rf"bytes {first}-\d+/(\d+)", stated)
        if size is None:
            raise NoSectionError("the server sends no byte ranges")
        return data, int(size[1])

    def _get(self, info: dict[str, Any], url: str, **headers: str) -> tuple[bytes, str]:
        """Return the content of an address and its Content-Range, if that answers a range."""
        headers = {**(info.get("http_headers") or {}), "Accept-Encoding": "identity", **headers}
        try:
            with self._ydl.urlopen(Request(url, headers=headers)) as response:
                stated = response.headers.get("Content-Range") or ""
                if "Range" not in headers:
                    return response.read(), stated
                # without Content-Range all of a file would follow, and a wrong one may announce more than was asked for
                first, last = map(int, headers["Range"].removeprefix("bytes=").split("-"))
                return (response.read(last - first + 1) if stated else b""), stated
        except RequestError as error:
            raise DownloadError(f"{UNABLE}{error}", sys.exc_info()) from error

    def _fetch_whole(
        self, info: dict[str, Any], folder: Path, stretch: tuple[float, float], begins_seconds: float, note: str
    ) -> Media:
        # the output name is a template in which %, $ and ~ have a meaning, so the folder must not be part of it
        os.chdir(folder)
        self._ydl.params["outtmpl"]["default"] = "whole.%(ext)s"
        self._ydl.process_info(info)
        path = folder / info["filepath"]
        if not path.is_file() or not path.stat().st_size:
            raise MediaError("corrupt", "the answer is an empty file")
        held = held_seconds(path, stretch[0] - begins_seconds, stretch[1] - begins_seconds)
        length = length_of(path)
        ends = None if length is None else begins_seconds + length
        return Media(path, begins_seconds, ends, held, whole=True, note=note)


def _is_wanted_sound(one: dict[str, Any]) -> bool:
    """Tell whether a format of YouTube is sound that can be fetched, in the original language if there are several."""
    is_original = one.get("language") is None or (one.get("language_preference") or 0) >= ORIGINAL_PREFERENCE
    note = one.get("format_note") or ""
    return (
        one.get("vcodec") == "none" and not one.get("has_drm") and is_original
        and not any(word in note for word in ("DAMAGED", "MISSING POT"))
    )  # fmt: skip
