"""The words for what became of a wanted clip, and how an error is turned into one of them.

Sources of the messages: yt-dlp 2026.10.26, ``extractor/youtube``, ``extractor/common``, ``networking/exceptions``.
"""

import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class Outcome:
    """A word for what became of a clip.

    ``kind`` is ``kept`` (there is a clip), ``permanent`` (never asked again), ``transient`` (asked again) or
    ``open`` (nobody knows yet: kept with its full text, asked again whenever the batch runs).
    """

    kind: str
    meaning: str


OUTCOMES: dict[str, Outcome] = {
    "ok": Outcome("kept", "the labelled stretch is there"),
    "silent": Outcome("kept", "there, but no sample is louder than -60 dBFS"),
    "private": Outcome("permanent", "the uploader made the video private"),
    "removed": Outcome("permanent", "the uploader or the site removed the video"),
    "terminated": Outcome("permanent", "the uploader's account was closed"),
    "copyright": Outcome("permanent", "blocked by a copyright claim"),
    "geo_blocked": Outcome("permanent", "not offered in this country"),
    "age_restricted": Outcome("permanent", "needs an account that is of age"),
    "members_only": Outcome("permanent", "for paying members of the channel"),
    "unavailable": Outcome("permanent", "the site says the video is unavailable and no more"),
    "not_found": Outcome("permanent", "no such address (404 or 410) or no such file"),
    "no_audio": Outcome("permanent", "the media have no sound stream"),
    "too_short": Outcome("permanent", "less than clips.min_seconds of the labelled stretch exist"),
    "corrupt": Outcome("permanent", "the answer is no media or cannot be decoded, after one more try"),
    "rate_limited": Outcome("transient", "too many requests (429, or YouTube's own words for it)"),
    "bot_check": Outcome("transient", "asked to prove not to be a bot"),
    "forbidden": Outcome("transient", "refused (403)"),
    "server_error": Outcome("transient", "the server failed (5xx)"),
    "network": Outcome("transient", "the connection failed or broke off"),
    "timeout": Outcome("transient", "no answer in time"),
    "unrecognised": Outcome("open", "an error nobody has classified yet; its text is the reason"),
}
KEPT = frozenset(word for word, outcome in OUTCOMES.items() if outcome.kind == "kept")
PERMANENT = frozenset(word for word, outcome in OUTCOMES.items() if outcome.kind == "permanent")
TRANSIENT = frozenset(word for word, outcome in OUTCOMES.items() if outcome.kind == "transient")
# Answers that mean the asker is no longer welcome, whatever the clip.
REFUSED = frozenset({"rate_limited", "bot_check", "forbidden"})

_BY_STATUS = {403: "forbidden", 404: "not_found", 408: "timeout", 410: "not_found", 429: "rate_limited"}

# First match wins: YouTube's blocks are worded much like its removals, so they stand first.
_BY_MESSAGE: tuple[tuple[str, str], ...] = (
    # about the player that asked, not about the video
    (r"not available on this app", "unrecognised"),
    (r"not a bot|captcha", "bot_check"),
    (r"rate-limited|try again later|too many requests|HTTP Error 429", "rate_limited"),
    (r"confirm your age|age-restricted|inappropriate for some users|age.verification", "age_restricted"),
    (r"account associated with this video has been terminated|closed their youtube account", "terminated"),
    (r"copyright", "copyright"),
    (r"in your country|geo.?restrict", "geo_blocked"),
    (r"members[- ]only|members on level|join this channel", "members_only"),
    (r"private video|video is private", "private"),
    (r"removed|deleted|violat", "removed"),
    (r"video unavailable|video is unavailable|no longer available", "unavailable"),
    (r"(video|content|recording)( is|n't| isn.t| not)+ available", "unavailable"),
    (r"HTTP Error 403|access denied", "forbidden"),
    (r"HTTP Error (404|410)", "not_found"),
    (r"HTTP Error 5\d\d|server returned 5", "server_error"),
    (r"timed? ?out", "timeout"),
    (r"downloaded file is empty|did not get any data blocks|no video formats found", "corrupt"),
    (r"bytes read, \d+ more expected|connection|unable to download|name resolution|network", "network"),
)  # fmt: skip


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it wraps: yt-dlp keeps the real one in ``exc_info[1]`` or ``cause``."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            exc_info = getattr(item, "exc_info", None)
            waiting += [exc_info[1] if exc_info else None, getattr(item, "cause", None), item.__cause__]
    return found


def retry_after_seconds(error: BaseException) -> float:
    """How long the server asks to be left alone, by the Retry-After header of its answer; 0 where it does not say."""
    import yt_dlp.networking.exceptions as network

    for item in _chain(error):
        if isinstance(item, network.HTTPError):
            asked = (item.response.headers.get("Retry-After") or "").strip()
            if asked.isdecimal():
                return float(asked)
            try:
                return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
            except ValueError:
                return 0.0
    return 0.0


def classify(error: BaseException) -> tuple[str, str]:
    """Name what an error of a download means: HTTP status and exception class first, message second.

    Returns
    -------
    (outcome, reason)
        ``outcome`` is a key of :data:`OUTCOMES`, ``unrecognised`` where nothing fits; ``reason`` the first
        line of the message without yt-dlp's advice to report it.
    """
    import yt_dlp.networking.exceptions as network
    from yt_dlp.utils import ContentTooShortError, GeoRestrictedError, UnsupportedError

    errors = _chain(error)
    reason = re.split(
        r"; please report this issue|\n", re.sub(r"\x1b\[[0-9;]*m", "", str(errors[0])).replace("\r", "")
    )[0].strip()
    reason = re.sub(r"^(ERROR: )?(\[download\] Got error: )?", "", reason)
    for item in errors:
        if isinstance(item, network.HTTPError):
            outcome = _BY_STATUS.get(item.status, "server_error" if item.status >= 500 else "unrecognised")
            return outcome, reason
        if isinstance(item, GeoRestrictedError):
            return "geo_blocked", reason
        if isinstance(item, UnsupportedError):
            return "corrupt", f"the answer is no media: {reason}"
        if isinstance(item, network.TransportError | ContentTooShortError | ConnectionError | TimeoutError):
            return ("timeout" if "timed out" in str(item).lower() else "network"), reason
    for pattern, outcome in _BY_MESSAGE:
        if re.search(pattern, reason, re.IGNORECASE):
            return outcome, reason
    return "unrecognised", reason
