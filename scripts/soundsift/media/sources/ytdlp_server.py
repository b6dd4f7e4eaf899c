"""Answering requests for clips with yt-dlp, inside the process that :mod:`ytdlp_process` starts.

yt-dlp finds the media and sends every request. Sections are copied by :mod:`soundsift.media.sources.sections`. ffmpeg
is not used: as a program of its own it would ignore certificates, proxies and other options of yt-dlp.
"""

import logging
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from soundsift.errors import MediaError
from soundsift.media.archive import NO_SECTION
from soundsift.media.decode import held_seconds, length_of
from soundsift.media.outcomes import TRANSIENT
from soundsift.media.sources.base import Media, is_about_storage
from soundsift.media.sources.sections import (
    MOST_PLAYLIST_BYTES,
    NoSectionError,
    RemoteFile,
    Section,
    copy_section,
    copy_section_of_pieces,
    most_bytes,
)
from soundsift.media.sources.ytdlp_client import Client
from soundsift.media.sources.ytdlp_errors import classify
from soundsift.media.sources.ytdlp_media import MediaRequests

# Answer for a file that is larger than allowed.
TOO_LARGE = {"too_large": True}
# Seconds of the stretch that may be missing at either end of a section, because sections are cut at packets.
SECTION_TOLERANCE_SECONDS = 0.05
# Bit rate of a file and of a playlist, which may be of sound and picture, that do not state their own, in kbit/s.
ASSUMED_KBPS, ASSUMED_PLAYLIST_KBPS = 128.0, 2000.0
# Beginnings of a web page that came in place of media.
WEB_PAGE = (b"<!doctype html", b"<html")


class Server:
    """Answers requests one after the other with one :class:`Client`.

    Parameters
    ----------
    options
        Of the :class:`Client`, which may raise a ValueError.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self._ydl = Client(options)

    def answer(
        self, url: str, stretch: tuple[float, float], section: tuple[float, float] | None, trimmed: bool, folder: str,
        max_bytes: float,
    ) -> dict[str, Any]:  # fmt: skip
        """Fetch a section, or the whole file if there is no usable section. Return the media or the error as a dict."""
        self._ydl.begin_clip()
        try:
            info = self._find(url)
            found, size = None, 0
            if section:
                found, size = self._fetch_section(info, section, stretch, Path(folder, "section"), max_bytes)
            if found is None:
                if max(size, info.get("filesize") or 0) > max_bytes:
                    return TOO_LARGE
                note = NO_SECTION if section else ""
                found = self._fetch_whole(info, Path(folder), stretch, stretch[0] if trimmed else 0.0, note)
            return asdict(found) | {"path": str(found.path)}
        except MediaError as error:
            return {"outcome": error.outcome, "reason": error.reason, "retry_after_seconds": 0.0}
        except Exception as error:  # yt-dlp raises errors of any class when a site changes
            if is_about_storage(error):
                return {"storage": re.sub(r"^.*\[Errno \d+\] ", "", str(error))}
            outcome, reason = classify(error, self._ydl.warnings, self._ydl.answers)
            self._ydl.forget_unsolved_scripts()
            # the reason is recorded and must not contain a path of this machine
            reason = reason.replace(f"{folder}/", "")
            seconds = self._ydl.retry_after_seconds if outcome in TRANSIENT else 0.0
            return {"outcome": outcome, "reason": reason, "retry_after_seconds": seconds}

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
        self, info: dict[str, Any], section: tuple[float, float], stretch: tuple[float, float], stem: Path,
        max_bytes: float,
    ) -> tuple[Media | None, int]:  # fmt: skip
        """Fetch a section.

        Returns
        -------
        (media, size)
            ``media`` is None if there is no section, or if its time stamps do not cover the stretch. ``size`` is that
            of the whole file in bytes, or 0 if it is not known.
        """
        duration: float | None = info.get("duration")
        try:
            found = self._copy(info, section, stem, max_bytes)
            needed_end = min(stretch[1], found.source_seconds or duration or stretch[1])
            if (
                found.begins_seconds > stretch[0] + SECTION_TOLERANCE_SECONDS
                or found.ends_seconds < needed_end - SECTION_TOLERANCE_SECONDS
            ):
                raise NoSectionError(f"it holds only {found.begins_seconds:.2f} s to {found.ends_seconds:.2f} s")
            held = held_seconds(found.path, stretch[0] - found.begins_seconds, stretch[1] - found.begins_seconds)
            return Media(found.path, found.begins_seconds, found.ends_seconds, held), 0
        except (NoSectionError, MediaError) as error:
            size, ends = (error.size_bytes, error.ends_seconds) if isinstance(error, NoSectionError) else (0, None)
            # the site alone may be wrong
            if duration and ends is not None and max(duration, ends) < stretch[0]:
                raise MediaError("too_short", f"the video ends after {max(duration, ends):g} s") from error
            logging.info("%s: the section is unusable: %s", info["id"], error)
            return None, size

    def _copy(self, info: dict[str, Any], section: tuple[float, float], stem: Path, max_bytes: float) -> Section:
        if info.get("requested_formats") or info.get("fragments"):
            raise NoSectionError("it consists of several parts")
        url, requests = info["url"], MediaRequests(self._ydl, info)
        requests.wait()
        kbps = info.get("tbr") or info.get("abr")
        bytes_per_kbps = 125 * (section[1] - section[0])
        if info["protocol"] in ("http", "https"):
            block_bytes = int((kbps or ASSUMED_KBPS) * bytes_per_kbps)
            return copy_section(RemoteFile(requests.range, block_bytes), *section, stem)
        if info["protocol"] in ("m3u8", "m3u8_native"):
            playlist = requests.content(url, MOST_PLAYLIST_BYTES).decode()
            most = int(min(max_bytes, most_bytes(int((kbps or ASSUMED_PLAYLIST_KBPS) * bytes_per_kbps))))
            return copy_section_of_pieces(playlist, url, requests.content, most, *section, stem)
        raise NoSectionError(f"{info['protocol']} has no sections")

    def _fetch_whole(
        self, info: dict[str, Any], folder: Path, stretch: tuple[float, float], begins_seconds: float, note: str
    ) -> Media:
        # the output name is a template in which %, $ and ~ have a meaning, so the folder must not be part of it
        os.chdir(folder)
        self._ydl.params["outtmpl"]["default"] = "whole.%(ext)s"
        self._ydl.process_info(info)
        path = folder / info["filepath"]
        if not path.is_file() or not path.stat().st_size:
            raise MediaError("server_error", "the answer is an empty file in place of media")
        with open(path, "rb") as file:
            if file.read(256).lstrip().lower().startswith(WEB_PAGE):
                raise MediaError("server_error", "the answer is a web page in place of media")
        held = held_seconds(path, stretch[0] - begins_seconds, stretch[1] - begins_seconds)
        length = length_of(path)
        ends = None if length is None else begins_seconds + length
        return Media(path, begins_seconds, ends, held, whole=True, note=note)
