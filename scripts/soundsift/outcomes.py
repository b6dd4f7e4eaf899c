"""The words for what became of a wanted clip, and how an error is turned into one of them.

Sources of the messages: yt-dlp 2026.10.26, ``extractor``, ``downloader``, ``networking``; the tests look them up in the
yt-dlp that is installed. What only YouTube says is not in there: those words are from reports of yt-dlp's users.
"""

import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class Outcome:
    """A word for what became of a clip, and what a user can do about it.

    ``kind`` is ``kept`` (there is a clip), ``permanent`` (never asked again), ``transient`` (asked again) or
    ``open`` (nobody knows yet: kept with its full text, asked again whenever the batch runs).
    """

    kind: str
    meaning: str
    advice: str


_GONE = "nothing: it is gone"
_BACK = "retry_permanent asks whether it is back"
_SLOWER = "wait; lower videos_per_hour; another proxy; cookies"
_AGAIN = "run the same command again"

OUTCOMES: dict[str, Outcome] = {
    "ok": Outcome("kept", "the labelled stretch is there", ""),
    "silent": Outcome("kept", "there, but no sample is louder than -60 dBFS", "listen to the clip"),
    "private": Outcome("permanent", "the uploader made the video private", _BACK),
    "removed": Outcome("permanent", "the uploader or the site removed the video", _GONE),
    "terminated": Outcome("permanent", "the uploader's account was closed", _GONE),
    "copyright": Outcome("permanent", "blocked by a copyright claim", _BACK),
    "geo_blocked": Outcome("permanent", "not offered in this country", "a proxy elsewhere, with retry_permanent"),
    "age_restricted": Outcome("permanent", "needs an account that is of age", "cookies, with retry_permanent"),
    "members_only": Outcome("permanent", "for members of the channel", "a member's cookies, with retry_permanent"),
    "unavailable": Outcome(
        "permanent", "the site says the video is unavailable and no more, or it is too large",
        "the reason says which; max_megabytes for what is too large, else " + _BACK,
    ),
    "not_found": Outcome("permanent", "no such address (404 or 410) or no such file", "check download.url; " + _BACK),
    "no_audio": Outcome("permanent", "the media have no sound stream", _GONE),
    "too_short": Outcome("permanent", "less than clips.min_seconds of the labelled stretch exist", "clips.min_seconds"),
    "corrupt": Outcome("permanent", "the answer is no media or cannot be decoded, after one more try", _BACK),
    "rate_limited": Outcome("transient", "too many requests (429, or YouTube's own words for it)", _SLOWER),
    "bot_check": Outcome("transient", "asked to prove not to be a bot", _SLOWER),
    "forbidden": Outcome("transient", "refused (403), or no player gets an answer", "the newest yt-dlp; " + _SLOWER),
    "server_error": Outcome("transient", "the server failed (5xx), or leads in a circle", _AGAIN),
    "network": Outcome("transient", "the connection failed or broke off", _AGAIN),
    "timeout": Outcome("transient", "no answer in time", _AGAIN + "; timeout_seconds"),
    "unrecognised": Outcome(
        "open", "an error nobody has classified yet; its text is the reason", "the newest yt-dlp; report the text"
    ),
}  # fmt: skip
KEPT = frozenset(word for word, outcome in OUTCOMES.items() if outcome.kind == "kept")
PERMANENT = frozenset(word for word, outcome in OUTCOMES.items() if outcome.kind == "permanent")
TRANSIENT = frozenset(word for word, outcome in OUTCOMES.items() if outcome.kind == "transient")
# Why a clip is corrupt although its media are not.
UNREADABLE = "the clip file could not be read back: --forcerun convert_clips writes it anew"
# Answers that mean the asker is no longer welcome, whatever the clip.
REFUSED = frozenset({"rate_limited", "bot_check", "forbidden"})

# No server is taken to mean that it wants to be left alone for longer than a day.
MOST_SECONDS = 24 * 3600.0

_BY_STATUS = {403: "forbidden", 404: "not_found", 408: "timeout", 410: "not_found", 429: "rate_limited"}
# Addresses that YouTube has just handed out or that serve every video: it answers 404 for videos that play
# (yt-dlp's extractor/youtube/_base.py tries again; yt-dlp issues 4497 and 8240).
_ON_THE_WAY = ("Unable to download API page: ", "unable to download video data: ", "[download] Got error: ")

# Every pattern begins where a sentence begins, behind yt-dlp's "[youtube] <id>: ": what an uploader wrote, names of
# claimants and ids are not taken for a reason. First match wins. Left out on purpose, as it is also said of videos that
# play: "This video is not available" (yt-dlp issues 15780, 16526), "No video formats found", "DRM protected".
_BY_MESSAGE: tuple[tuple[str, str], ...] = (
    (r"Sign in to confirm (that )?you.re not a bot|YouTube is requiring a captcha", "bot_check"),
    (r"This content isn.t available([,.]|$)|(The current session|Your account) has been rate-limited", "rate_limited"),
    # all that yt-dlp raises when every player was answered with 403 or 429
    (r"Failed to extract any player response|All player responses are invalid", "forbidden"),
    (r"Sign in to confirm your age|This video (is age-restricted|may be inappropriate)", "age_restricted"),
    (r"This video is no longer available because the YouTube account .*has been terminated", "terminated"),
    (r"This video is no longer available because the uploader has closed their YouTube account", "terminated"),
    (r"This video contains content from .* blocked it .*on copyright grounds", "copyright"),
    (r"This video is no longer available due to a copyright claim", "copyright"),
    (r"The uploader has not made this video available in your country", "geo_blocked"),
    (r"This video is not available (in your country|from your location)", "geo_blocked"),
    (r"Join this channel .*members-only|This video is available to this channel.s members", "members_only"),
    (r"Private video|This video is private", "private"),
    (r"This video has been removed", "removed"),
    # the site says so and no more: what follows may be about the player that asked
    (r"^((Video unavailable|This video (is unavailable|is no longer available|isn.t available anymore|does not exist))"
     r"[. ]*)+$", "unavailable"),
    (r"\[download\] Got error: .*timed out", "timeout"),
    # why a fragment did not come is only a warning
    (r"\[download\] Got error: |The downloaded file is empty|fragment \d+ not found", "network"),
    (r"Did not get any data blocks", "corrupt"),
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
            try:
                if asked.isdecimal():
                    return float(min(int(asked), MOST_SECONDS))
                return min(max(0.0, parsedate_to_datetime(asked).timestamp() - time.time()), MOST_SECONDS)
            except (ValueError, OverflowError):
                return 0.0
    return 0.0


def _by_status(status: int, said: str) -> str:
    # yt-dlp follows redirects: one that is left leads in a circle or nowhere
    if status >= 500 or 300 <= status < 400 or (status in (404, 410) and said.startswith(_ON_THE_WAY)):
        return "server_error"
    return _BY_STATUS.get(status, "unrecognised")


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
    text = re.sub(r"\x1b\[[0-9;]*m|\r", "", str(errors[0])).removeprefix("ERROR: ")
    text = re.split(r"; please report this issue|\n", text)[0].strip()
    reason = text.removeprefix("[download] Got error: ")
    said = re.sub(r"^\[[^]]+\] \S+: ", "", text)
    for item in errors:
        if isinstance(item, network.HTTPError):
            return _by_status(item.status, said), reason
        if isinstance(item, GeoRestrictedError):
            return "geo_blocked", reason
        if isinstance(item, UnsupportedError):
            return "corrupt", f"the answer is no media: {reason}"
        if isinstance(item, network.TransportError | ContentTooShortError | ConnectionError | TimeoutError):
            return ("timeout" if "timed out" in str(item).lower() else "network"), reason
    if status := re.match(r"HTTP Error (\d{3})\b", reason):
        return _by_status(int(status[1]), said), reason
    for pattern, outcome in _BY_MESSAGE:
        if re.search(rf"(?:^|[.?!] +)(?:{pattern})", said, re.IGNORECASE):
            return outcome, reason
    return "unrecognised", reason
