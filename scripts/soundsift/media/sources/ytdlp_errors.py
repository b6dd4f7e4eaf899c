"""How an error of yt-dlp is turned into an outcome.

Sources of the messages: yt-dlp 2026.10.26, ``extractor``, ``downloader``, ``networking``; the tests look them up in the
yt-dlp that is installed. What only YouTube says is not in there: those words are from reports of yt-dlp's users."""

import re
import time
from email.utils import parsedate_to_datetime

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
