"""Classifying errors of yt-dlp as outcomes.

Sources of the messages: yt-dlp 2026.10.26, ``extractor``, ``downloader``, ``networking``; the tests look them up in the
installed yt-dlp. Messages that come from YouTube itself are not part of yt-dlp: they are from reports of its users.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soundsift.media.fetch_error import retry_after
from soundsift.media.outcomes import PERMANENT

_BY_STATUS = {403: "forbidden", 404: "not_found", 408: "timeout", 410: "not_found", 429: "rate_limited"}
# At addresses that YouTube has just generated, or that serve every video, 404 does not mean that the video is gone
# (yt-dlp's extractor/youtube/_base.py tries again; yt-dlp issues 4497 and 8240).
UNABLE = "unable to download video data: "
# Beginning of our own error about an answer that is longer than we read.
TOO_LONG = "the answer is longer than"
_INTERMEDIATE = ("Unable to download API page: ", UNABLE, "[download] Got error: ")

# Every pattern must match at the beginning of a sentence after yt-dlp's "[youtube] <id>: ". So titles, names of
# claimants and ids are not mistaken for a reason. The first match counts.
_BY_MESSAGE: tuple[tuple[str, str], ...] = (
    (r"Sign in to confirm (that )?you.re not a bot|YouTube is requiring a captcha", "bot_check"),
    # only if nothing but yt-dlp's hint follows: YouTube says it to sessions that it does not trust
    (r"^Please sign in([. ]|$)", "bot_check"),
    (r"This content isn.t available([,.]|$)|(The current session|Your account) has been rate-limited", "rate_limited"),
    # the only error that yt-dlp raises if every player client was answered with 403 or 429
    (r"Failed to extract any player response|All player responses are invalid", "forbidden"),
    # a filter in this network, not the site
    (r"Access to this webpage has been blocked", "forbidden"),
    (r"Sign in to confirm your age|This video (is age-restricted|may be inappropriate)"
     r"|The following content (may contain|has been identified)", "age_restricted"),
    (r"This video is no longer available because the YouTube account .*has been terminated", "terminated"),
    (r"This video is no longer available because the uploader has closed their YouTube account", "terminated"),
    (r"This (channel|account) has been (terminated|suspended)", "terminated"),
    (r"This video contains content from .* blocked it from display on this website", "no_formats"),
    (r"This video contains content from .* blocked it", "copyright"),
    (r"This video is no longer available due to a copyright claim", "copyright"),
    (r"The uploader has not made this video available in your country", "geo_blocked"),
    (r"This content is not available on this country domain", "geo_blocked"),
    (r"This video is (not available|unavailable) (in your country|from your location)", "geo_blocked"),
    (r"This video is restricted\. Please check the (Google Workspace|network) administrator", "geo_blocked"),
    (r"Join this channel .*members-only|This video is available to this channel.s members", "members_only"),
    (r"This video is only available (to Music Premium members|for registered users)|This video requires payment",
     "members_only"),
    (r"Private video|This video is private", "private"),
    (r"This video has been removed", "removed"),
    # only if the message ends there: more text may be about the player client and not about the video
    (r"^((Video unavailable|Video not available|This video (is (unavailable|no longer available|not available)"
     r"|isn.t available( anymore)?|does not exist)|This live stream recording is not available)[. ]*)+$",
     "unavailable"),
    # the page plays, but the player clients are offered nothing that they can play (yt-dlp issues 12482, 12563, 15780,
    # 16526); these messages come for videos that play elsewhere
    (r"(Requested format is not available|No video formats found|This video is (DRM protected|not available)"
     r"|This format is DRM protected"
     r"|The page needs to be reloaded|The following content is not available on this app"
     r"|Playback on other websites has been disabled|.*Error code: \d+)", "no_formats"),
    (r"\[download\] Got error: .*timed out", "timeout"),
    # yt-dlp gives the cause of a missing fragment only as a warning
    (r"\[download\] Got error: |The downloaded file is empty|fragment \d+ not found|A network error has occurred"
     r"|content too short", "network"),
    (r"(An error occurred|Something went wrong)\b|Incomplete data received", "server_error"),
    (r"Did not get any data blocks", "server_error"),
)  # fmt: skip

# Outcomes by which players that were not refused themselves may hide a refusal.
_HIDDEN = ("rate_limited", "forbidden", "timeout")
# Reasons that the page of a video would give too.
_OF_PAGE = ("private", "removed", "terminated", "copyright", "geo_blocked")
# Requests whose failure is a cause: page, players, playlist, manifest, player script.
_REQUESTS = (
    r"(Unable to download (API page|webpage)|Failed to download (m3u8 information|MPD manifest)"
    r"|Download of (player )?\S+ failed|Error reading response): "
)
# Warnings about a player script that was not understood.
UNSOLVED = "Signature solving failed|n challenge solving failed"
# Outcomes of messages that only say that nothing came.
_WITHOUT_CAUSE = ("no_formats", "forbidden")


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and those that it wraps: yt-dlp keeps the original in ``exc_info[1]`` or ``cause``."""
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
    """Return the Retry-After header of the server's answer in seconds; 0 if it has none."""
    import yt_dlp.networking.exceptions as network

    for item in _chain(error):
        if isinstance(item, network.HTTPError):
            return retry_after(item.response.headers.get("Retry-After"))
    return 0.0


def _by_status(status: int, message: str) -> str:
    # yt-dlp follows redirects, so a redirect that it reports is endless or has no target
    if status >= 500 or 300 <= status < 400 or (status in (404, 410) and message.startswith(_INTERMEDIATE)):
        return "server_error"
    return _BY_STATUS.get(status, "unrecognised")


def _cause(warnings: Sequence[str]) -> tuple[str, str] | None:
    """Return why nothing came, by yt-dlp's warnings.

    Refusals come before other failures of requests. The last cause is a player script that was not solved.
    """
    found: dict[str, str] = {}
    for warning in warnings:
        message = re.split(r" \(caused by |; please report", re.sub(r"^\[[^]]+\] \S+: ", "", warning))[0]
        if re.match(UNSOLVED, message):
            found.setdefault("no_formats", message)
        if not re.match(_REQUESTS, message):
            continue
        if status := re.search(r"HTTP Error (\d{3})\b", message):
            outcome = _by_status(int(status[1]), _INTERMEDIATE[0])
        elif TOO_LONG in message:
            outcome = "server_error"
        else:
            outcome = "timeout" if "timed out" in message.lower() else "network"
        found.setdefault(outcome, message)
    for outcome in ("rate_limited", "forbidden", "timeout", "server_error", "network", "no_formats"):
        if outcome in found:
            return outcome, found[outcome]
    return None


@dataclass(frozen=True)
class Answers:
    """What YouTube's page and players said of a video.

    Attributes
    ----------
    page_plays
        Whether the page says that the video plays.
    n_against
        How many of them said that it does not; None if that is not known.
    premiere
        The words about a video that is not shown yet and has a trailer.
    """

    page_plays: bool = False
    n_against: int | None = None
    premiere: str = ""

    @classmethod
    def of(cls, responses: Sequence[Mapping[str, Any]]) -> "Answers":
        """Read the responses that yt-dlp has collected; it takes the formats out of that of the page."""
        from yt_dlp.utils import traverse_obj

        says = [traverse_obj(one, ("playabilityStatus", {dict})) or {} for one in responses]
        of_page = [say for one, say in zip(responses, says, strict=True) if one.get("streamingData") is None]
        trailer = ("errorScreen", "playerLegacyDesktopYpcTrailerRenderer", "trailerVideoId")
        waits = [say for say in says if say.get("status") == "LIVE_STREAM_OFFLINE" and traverse_obj(say, trailer)]
        return cls(
            page_plays=any(say.get("status") == "OK" for say in of_page),
            n_against=sum(say.get("status") != "OK" for say in says),
            premiere=str(waits[0].get("reason") or "The video is not shown yet") if waits else "",
        )


def classify(error: BaseException, warnings: Sequence[str] = (), answers: Answers = Answers()) -> tuple[str, str]:
    """Classify an error of a download: by HTTP status and exception class, else by its message.

    Parameters
    ----------
    warnings
        What yt-dlp warned of before the error. Where the error only says that nothing came, they have the cause. They
        also have the refusal behind an answer that the video is unavailable, or that came from one player only.
    answers
        A reason that the players alone give for a video whose page plays is ``unavailable``: a later job must hear it
        again.

    Returns
    -------
    (outcome, reason)
        ``outcome`` is a key of :data:`soundsift.media.outcomes.OUTCOMES`, ``unrecognised`` if nothing matches.
        ``reason`` is the first line of the message without yt-dlp's advice to report it or to use an option of its
        command line. An error that is neither yt-dlp's nor the system's is ``unrecognised``, and its class is part of
        the reason.
    """
    outcome, reason = _classify(error, warnings)
    if outcome not in PERMANENT:
        return outcome, reason
    cause = _cause(warnings)
    if cause and cause[0] in _HIDDEN and (outcome == "unavailable" or answers.n_against == 1):
        return cause[0], f"{reason} ({cause[1]})"
    if answers.page_plays and outcome in _OF_PAGE:
        return "unavailable", f"{reason} (but the page of the video plays)"
    return outcome, reason


def _classify(error: BaseException, warnings: Sequence[str]) -> tuple[str, str]:
    import yt_dlp.networking.exceptions as network
    from yt_dlp.utils import ContentTooShortError, GeoRestrictedError, UnsupportedError, YoutubeDLError

    if not isinstance(error, YoutubeDLError | network.RequestError | OSError):
        return "unrecognised", f"{type(error).__name__}: {error}".split("\n")[0]
    errors = _chain(error)
    text = re.sub(r"\x1b\[[0-9;]*m|\r", "", str(errors[0])).removeprefix("ERROR: ")
    text = re.split(r"; please report this issue| Use --[a-z]|\n", text)[0].strip()
    reason = text.removeprefix("[download] Got error: ")
    message = re.sub(r"^\[[^]]+\] \S+: ", "", text)
    for item in errors:
        if isinstance(item, network.HTTPError):
            return _by_status(item.status, message), reason
        if isinstance(item, GeoRestrictedError):
            return "geo_blocked", reason
        if isinstance(item, UnsupportedError):
            return "corrupt", f"the answer is not media: {reason}"
        if isinstance(item, network.TransportError) and TOO_LONG in str(item):
            return "server_error", reason
        if isinstance(item, network.TransportError | ContentTooShortError | ConnectionError | TimeoutError):
            return ("timeout" if "timed out" in str(item).lower() else "network"), reason
    if status := re.match(r"HTTP Error (\d{3})\b", reason):
        return _by_status(int(status[1]), message), reason
    for pattern, outcome in _BY_MESSAGE:
        if re.search(rf"(?:^|[.?!] +)(?:{pattern})", message, re.IGNORECASE):
            if outcome in _WITHOUT_CAUSE and (cause := _cause(warnings)):
                return cause[0], f"{reason} ({cause[1]})"
            return outcome, reason
    return "unrecognised", reason
