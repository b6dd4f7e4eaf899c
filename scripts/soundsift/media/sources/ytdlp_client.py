"""yt-dlp's ``YoutubeDL`` with what the workflow needs beyond it: the causes of a failure, limits, and fewer requests.

Three things wrap methods of yt-dlp that it does not document: two of YouTube's extractor, and one of what sends the
requests. A later version of yt-dlp may have renamed or changed them. Then the log says so in one line, and clips are
fetched without that refinement.
"""

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import BaseHandler, OpenerDirector

import yt_dlp
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.utils import ExtractorError

from soundsift.media.sources.ytdlp_errors import TOO_LONG, UNSOLVED, Answers, retry_after_seconds
from soundsift.media.sources.ytdlp_options import DEFAULTS, OURS, check_options

# Longest answer that is read as a whole: a page, a player's answer, a player script or a playlist. Those of YouTube
# have up to 3 MB.
MOST_ANSWER_BYTES = 32_000_000
PIECE_BYTES = 1 << 16
# yt-dlp's language_preference of the original sound track. That of the default one, which may be a dub, is less.
ORIGINAL_PREFERENCE = 10
# Methods of the extractor that request a playlist or manifest and return (formats, subtitles).
MANIFEST_METHODS = ("_extract_m3u8_formats_and_subtitles", "_extract_mpd_formats_and_subtitles")


# What sends requests to sites, by yt-dlp's names for it.
SENDERS = ("Requests", "Urllib")


class _Log:
    """Sends yt-dlp's messages to the job's log, and keeps the warnings of one clip.

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


class Client(yt_dlp.YoutubeDL):  # type: ignore[misc]
    """A ``YoutubeDL`` that keeps the causes of a failure and reads no answer without end.

    Parameters
    ----------
    options
        For ``YoutubeDL``; they override :data:`DEFAULTS`.

    Attributes
    ----------
    retry_after_seconds
        Longest Retry-After of the clip's requests. yt-dlp turns failures of page and players into warnings.
    answers
        What YouTube's page and players said of the clip's video. yt-dlp reports only the first reason.

    Raises
    ------
    ValueError
        If an option is refused or has the wrong type. yt-dlp raises various errors for invalid options.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        check_options(options)
        self._log = _Log()
        self.begin_clip()
        super().__init__(DEFAULTS | options | OURS | {"logger": self._log})
        self._youtube = self.get_info_extractor("Youtube")
        _wrap(self._youtube, "_extract_player_responses", self._keep_answers)
        # other options may choose a format that only a playlist has
        if not options.keys() & {"format", "format_sort"}:
            self._skip_needless_manifests()

    @property
    def warnings(self) -> list[str]:
        """The warnings of yt-dlp about the clip."""
        return self._log.warnings

    def begin_clip(self) -> None:
        """Forget what was kept of the clip before."""
        self._log.warnings.clear()
        self.retry_after_seconds, self.answers = 0.0, Answers()

    def forget_unsolved_scripts(self) -> None:
        """Let YouTube's player script be downloaded again if it was not understood.

        yt-dlp keeps a script even if it is damaged or a web page.
        """
        if not any(re.search(UNSOLVED, warning) for warning in self.warnings):
            return
        for name in ("_code_cache", "_player_cache"):
            getattr(self._youtube, name, {}).clear()

    def urlopen(self, req: Any) -> Any:
        """Send a request."""
        try:
            return _limited(super().urlopen(req))
        except HTTPError as error:
            _limited(error.response)
            self.retry_after_seconds = max(self.retry_after_seconds, retry_after_seconds(error))
            raise

    def build_request_director(self, *args: Any, **kwargs: Any) -> Any:
        """Return what sends the requests; it does not read the bodies of redirects."""
        director = super().build_request_director(*args, **kwargs)
        for name in director.handlers.keys() & set(SENDERS):
            _wrap(director.handlers[name], "_create_instance", _without_bodies_of_redirects)
        return director

    def _keep_answers(self, ask_players: Callable[..., Any]) -> Callable[..., Any]:
        def players(*args: Any, **kwargs: Any) -> Any:
            found = ask_players(*args, **kwargs)
            try:
                self.answers = Answers.of(found[0])
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                logging.warning("the answers of YouTube's players have a new form (%s): every reason counts", error)
            if reason := self.answers.premiere:
                # yt-dlp would go on with the trailer
                raise ExtractorError(reason, expected=True)
            return found

        return players

    def _skip_needless_manifests(self) -> None:
        """Request no playlist or manifest when the sound was already found at a direct address."""
        # without the wrapped search for formats it stays false, and everything is requested
        found_sound = False

        def watch(find_formats: Callable[..., Any]) -> Callable[..., Any]:
            def formats(*args: Any, **kwargs: Any) -> Iterator[Any]:
                nonlocal found_sound
                found_sound = False
                for one in find_formats(*args, **kwargs):
                    found_sound = found_sound or _is_wanted_sound(one)
                    yield one

            return formats

        def skip(request: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *args, **kwargs: ([], {}) if found_sound else request(*args, **kwargs)

        _wrap(self._youtube, "_extract_formats_and_subtitles", watch)
        for name in MANIFEST_METHODS:
            _wrap(self._youtube, name, skip)


def _wrap(owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace a method of a part of yt-dlp by ``make(method)``."""
    method = getattr(owner, name, None)
    if method is None:
        logging.warning(
            "yt-dlp %s has no %s: clips are fetched, but more requests or less exact reasons are possible",
            yt_dlp.version.__version__, name,
        )  # fmt: skip
        return
    setattr(owner, name, make(method))


class _Redirects(BaseHandler):
    """Closes redirects of urllib."""

    # before the handler that follows redirects
    handler_order = 100

    def http_response(self, _: Any, response: Any) -> Any:
        if response.headers.get("Location"):
            response.close()
        return response

    https_response = http_response


def _without_bodies_of_redirects(make_session: Callable[..., Any]) -> Callable[..., Any]:
    """Let a session of requests, or an opener of urllib, close redirects unread. Both would read their bodies.

    A body may be without end. The connection is closed with it.
    """

    def close(response: Any, **_: Any) -> None:
        if response.is_redirect:
            response.close()

    def session(*args: Any, **kwargs: Any) -> Any:
        made = make_session(*args, **kwargs)
        if isinstance(made, OpenerDirector):
            made.add_handler(_Redirects())
        else:
            made.hooks["response"].append(close)
        return made

    return session


def _limited(response: Response) -> Response:
    """Let a response raise an error when all of it is read and it is too long. Reading a part is not limited."""
    read = response.read

    def read_some(amt: int | None = None) -> bytes:
        if amt is not None and amt >= 0:
            return bytes(read(amt))
        data = bytearray()
        while piece := read(PIECE_BYTES):
            data += piece
            if len(data) > MOST_ANSWER_BYTES:
                response.close()
                raise TransportError(f"{TOO_LONG} {MOST_ANSWER_BYTES / 1e6:g} MB")
        return bytes(data)

    response.read = read_some
    return response


def _is_wanted_sound(one: dict[str, Any]) -> bool:
    """Tell whether a format of YouTube is sound that can be fetched, in the original language if there are several."""
    is_original = one.get("language") is None or (one.get("language_preference") or 0) >= ORIGINAL_PREFERENCE
    note = one.get("format_note") or ""
    return (
        one.get("vcodec") == "none" and not one.get("has_drm") and is_original
        and not any(word in note for word in ("DAMAGED", "MISSING POT"))
    )  # fmt: skip
