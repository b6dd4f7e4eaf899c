import inspect
import io
import sys
from types import ModuleType

import pytest
import yt_dlp
import yt_dlp.downloader.common
import yt_dlp.downloader.fragment
import yt_dlp.downloader.hls
import yt_dlp.downloader.http
import yt_dlp.extractor.common
import yt_dlp.extractor.youtube._base as youtube_base
import yt_dlp.extractor.youtube._video as youtube
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import HTTPError, IncompleteRead, TransportError
from yt_dlp.utils import ContentTooShortError, DownloadError, ExtractorError, GeoRestrictedError, UnsupportedError

from soundsift.media import columns, outcomes
from soundsift.media.outcomes import OUTCOMES
from soundsift.media.sources import ytdlp_errors
from soundsift.media.sources.ytdlp_errors import classify

LOGIN_HINT = (
    "Use --cookies-from-browser or --cookies for the authentication. "
    "See  https://github.com/yt-dlp/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp  for how to manually pass cookies"
)
# What YouTube itself says: not to be found in yt-dlp, but in the reports of its users.
SAID = {
    f"Sign in to confirm you’re not a bot. {LOGIN_HINT}": "bot_check",
    f"Sign in to confirm you're not a bot. {LOGIN_HINT}": "bot_check",
    f"Sign in to confirm that you're not a bot. {LOGIN_HINT}": "bot_check",
    "This content isn't available, try again later. The current session has been rate-limited by YouTube for up to an "
    "hour. It is recommended to use `-t sleep` to add a delay between video requests to avoid exceeding the rate "
    "limit.": "rate_limited",
    "Video unavailable. This content isn’t available, try again later.": "rate_limited",
    "Video unavailable. This content isn’t available.": "rate_limited",
    "Your account has been rate-limited by YouTube for up to an hour.": "rate_limited",
    f"Sign in to confirm your age. This video may be inappropriate for some users. {LOGIN_HINT}": "age_restricted",
    "Video unavailable. This video is no longer available because the YouTube account associated with this video has "
    "been terminated.": "terminated",
    "Video unavailable. This video is no longer available because the YouTube account associated with this video has "
    "been terminated due to multiple third-party notifications of copyright infringement.": "terminated",
    "This video is no longer available because the uploader has closed their YouTube account.": "terminated",
    "Video unavailable. This video is no longer available because the uploader has closed their YouTube account.":
        "terminated",
    "Video unavailable. This video contains content from X, who has blocked it on copyright grounds": "copyright",
    "Video unavailable. This video contains content from Cartoon Network, who has blocked it in your country on "
    "copyright grounds": "copyright",
    "Video unavailable. This video is no longer available due to a copyright claim by X": "copyright",
    "Video unavailable. This video is not available in your country due to a copyright claim by X": "geo_blocked",
    "Join this channel to get access to members-only content like this video, and other exclusive perks.":
        "members_only",
    "Join this channel from your computer or Android app to get access to members-only content like this video.":
        "members_only",
    "This video is available to this channel's members on level: Gold (or any higher level).": "members_only",
    f"Private video. Sign in if you've been granted access to this video. {LOGIN_HINT}": "private",
    "Video unavailable. This video is private": "private",
    "Video unavailable. This video has been removed by the uploader": "removed",
    "This video has been removed for violating YouTube's Terms of Service": "removed",
    "This video has been removed because it violates YouTube's Community Guidelines.": "removed",
    "This video is only available to Music Premium members": "members_only",
    "This video requires payment to watch.": "members_only",
    "Video unavailable. This content is not available on this country domain due to a legal complaint from the "
    "government.": "geo_blocked",
    "Video unavailable. This content is not available on this country domain due to a defamation complaint.":
        "geo_blocked",
    f"Please sign in. {LOGIN_HINT}": "bot_check",
    "The following content may contain suicide or self-harm topics.": "age_restricted",
    "The following content has been identified by the YouTube community as inappropriate or offensive to some "
    "audiences.": "age_restricted",
    "This account has been terminated for violating YouTube's Community Guidelines.": "terminated",
    "Video unavailable. This video contains content from X, who has blocked it in your country": "copyright",
    "Video unavailable. This video contains content from X, who has blocked it from display on this website or "
    "application": "no_formats",
    "Video unavailable. This video is unavailable in your country": "geo_blocked",
    "Video unavailable. This video is restricted. Please check the Google Workspace administrator and/or the network "
    "administrator restrictions.": "geo_blocked",
    "An error occurred. Please try again later.": "server_error",
    "Something went wrong. Refresh or try again later.": "server_error",
    "This video is unavailable": "unavailable",
    "This video is not available": "unavailable",
    "Video unavailable. This video is not available": "unavailable",
    "Video unavailable. This video isn't available": "unavailable",
    "Video not available. This video is not available.": "unavailable",
    "This live stream recording is not available.": "unavailable",
    "Video unavailable. This video is unavailable.": "unavailable",
    "This video isn’t available anymore": "unavailable",
    "Video unavailable. This video isn't available anymore.": "unavailable",
    "Video unavailable. This video is no longer available": "unavailable",
}  # fmt: skip
# A phrase of yt-dlp, the module whose source holds it, what is said with it, and the outcome.
LOOKED_UP = [
    (youtube, "YouTube is requiring a captcha challenge before playback", "Video unavailable. {}", "bot_check"),
    (youtube, "This content isn't available, try again later", "Video unavailable. {}", "rate_limited"),
    (youtube, "The current session", "Video unavailable. {} has been rate-limited by YouTube", "rate_limited"),
    (youtube, "Your account", "Video unavailable. {} has been rate-limited by YouTube", "rate_limited"),
    (youtube, "has been rate-limited by YouTube for up to an hour", "The current session {}", "rate_limited"),
    (youtube, "Failed to extract any player response", "{}", "forbidden"),
    (youtube, "All player responses are invalid. Your IP is likely being blocked by Youtube", "{}", "forbidden"),
    (youtube, "confirm your age", "Sign in to {}", "age_restricted"),
    (youtube, "age-restricted", "This video is {} and only available on YouTube", "age_restricted"),
    (youtube, "inappropriate", "This video may be {} for some users.", "age_restricted"),
    (youtube, "The uploader has not made this video available in your country", "{}", "geo_blocked"),
    (
        yt_dlp.extractor.common,
        "This video is not available from your location due to geo restriction",
        "{}",
        "geo_blocked",
    ),
    (youtube, "Private video", f"{{}}. {LOGIN_HINT}", "private"),
    (
        youtube,
        "This video has been removed for violating YouTube",
        "{}'s policy on hate speech. Learn more about combating hate speech in your country.",
        "removed",
    ),
    (youtube, "Video unavailable", "{}", "unavailable"),
    (inspect.getmodule(yt_dlp.YoutubeDL), "Requested format is not available", "{}. Use --list-formats", "no_formats"),
    (inspect.getmodule(yt_dlp.YoutubeDL), "No video formats found", "{}!", "no_formats"),
    (yt_dlp.extractor.common, "This video is DRM protected", "{}", "no_formats"),
    (youtube, "This video does not exist.", "{}", "unavailable"),
    (youtube, "This video is not available.", "{}", "unavailable"),
    (youtube_base, "Incomplete data received", "{}", "server_error"),
    (yt_dlp.extractor.common, "Access to this webpage has been blocked by ", "{}Websense", "forbidden"),
    (yt_dlp.extractor.common, "This video is only available for registered users", "{}. Use --cookies", "members_only"),
    (yt_dlp.extractor.common, "A network error has occurred.", "{}", "network"),
    (yt_dlp.downloader.hls, "This format is DRM protected; Try selecting another format", "{}", "no_formats"),
    (inspect.getmodule(yt_dlp.YoutubeDL), "content too short (expected ", "{}9 bytes and served 1)", "network"),
    (yt_dlp.downloader.common, "[download] Got error: ", "\r{}The read operation timed out", "timeout"),
    (yt_dlp.downloader.common, "[download] Got error: ", f"\r{{}}{IncompleteRead(49182, 49183)}", "network"),
    (yt_dlp.downloader.common, "[download] Got error: ", f"\r{{}}{ContentTooShortError(1000, 6000)}", "network"),
    (yt_dlp.downloader.http, "Conflicting range. (start=", "\r[download] Got error: {}9 > end=5)", "network"),
    (yt_dlp.downloader.fragment, "The downloaded file is empty", "{}", "network"),
    (yt_dlp.downloader.fragment, "not found, unable to continue", "fragment 1 {}", "network"),
    (yt_dlp.downloader.http, "Did not get any data blocks", "{}", "server_error"),
]
# About the player that asked: the video may play.
NO_FORMATS = [
    "The page needs to be reloaded.. The page needs to be reloaded.",
    "The following content is not available on this app.. Watch on the latest version of YouTube.",
    "Video unavailable. Playback on other websites has been disabled by the video owner",
    "Video unavailable. This video is unavailable. Error code: 152 - 18",
    "This video is unavailable. Error code: 152 - 18",
    "This video is not available. Watch on the latest version of YouTube.",
    "Video unavailable. This video contains content from Warner Bros., who has blocked it from display on this website "
    "or application. Watch on YouTube",
    "This video is DRM protected",
    "No video formats found!",
    "Requested format is not available. Use --list-formats for a list of available formats",
]
# About the asker, or not for ever.
OPEN = [
    f"Login details are needed to download this content. {LOGIN_HINT}",
    "This live event will begin in 3 days.",
    "This live event has ended.",
    "Premieres in 5 hours",
    "Offline.",
    "We're processing this video. Check back later.",
    "This video is no longer available because of something new",
]


def raised(error: Exception, style: str = "ERROR:") -> DownloadError:
    """What YoutubeDL.trouble raises in place of an extractor's or downloader's error."""
    try:
        raise error
    except Exception as caught:
        exc_info = getattr(caught, "exc_info", None)
        return DownloadError(f"{style} {caught}", exc_info if exc_info and exc_info[0] else sys.exc_info())


def of_youtube(message: str, expected: bool = True, **kwargs: object) -> ExtractorError:
    return ExtractorError(message, expected=expected, video_id="--PJHxphWEs", ie="youtube", **kwargs)


def http_error(status: int, reason: str) -> HTTPError:
    response = Response(
        fp=io.BytesIO(), url="https://www.youtube.com/watch?v=--PJHxphWEs", headers={}, status=status, reason=reason
    )
    return HTTPError(response)


def no_webpage(cause: Exception) -> ExtractorError:
    """What an extractor makes of an error on the network."""
    try:
        raise cause
    except Exception as caught:
        return of_youtube(f"Unable to download webpage: {caught}", cause=caught)


def as_raised(module: ModuleType, said: str) -> DownloadError:
    """What an extractor says comes behind the video's id, what a downloader says does not."""
    if module.__name__.startswith("yt_dlp.extractor"):
        return raised(of_youtube(said))
    return DownloadError(f"ERROR: {said}", (None, None, None))


def reason_of(message: str) -> str:
    """The reason of an error: without the options of a command line that nobody here uses."""
    return f"[youtube] --PJHxphWEs: {message.split(' Use --')[0]}"


@pytest.mark.parametrize(("message", "outcome"), SAID.items())
def test_youtubes_words_are_understood(message: str, outcome: str) -> None:
    assert classify(raised(of_youtube(message))) == (outcome, reason_of(message))


@pytest.mark.parametrize(("module", "phrase", "said", "outcome"), LOOKED_UP)
def test_yt_dlp_still_says_what_the_table_knows(module: ModuleType, phrase: str, said: str, outcome: str) -> None:
    assert phrase in inspect.getsource(module)
    assert classify(as_raised(module, said.format(phrase)))[0] == outcome


@pytest.mark.parametrize("number", range(len(ytdlp_errors._BY_MESSAGE)))
def test_every_row_of_the_table_is_tested(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = list(ytdlp_errors._BY_MESSAGE)
    rows[number] = (rows[number][0], "this row")
    monkeypatch.setattr(ytdlp_errors, "_BY_MESSAGE", rows)
    errors = [as_raised(module, said.format(phrase)) for module, phrase, said, _ in LOOKED_UP]
    errors += [raised(of_youtube(message)) for message in SAID]
    assert "this row" in {classify(error)[0] for error in errors}


@pytest.mark.parametrize("message", NO_FORMATS)
def test_what_is_about_the_player_is_asked_again(message: str) -> None:
    assert classify(raised(of_youtube(message))) == ("no_formats", reason_of(message))


@pytest.mark.parametrize("message", ["Requested format is not available.", "Failed to extract any player response"])
@pytest.mark.parametrize(
    ("warnings", "outcome"),
    [
        (["API page: HTTP Error 503: Service Unavailable", "API page: HTTP Error 403: Forbidden"], "forbidden"),
        (["webpage: HTTP Error 403: Forbidden", "API page: HTTP Error 429: Too Many Requests"], "rate_limited"),
        (["webpage: HTTP Error 503: Service Unavailable"], "server_error"),
        (["API page: HTTP Error 404: Not Found"], "server_error"),
        (["API page: The read operation timed out (caused by TransportError())"], "timeout"),
        (["API page: ('Connection aborted.', ConnectionResetError(104)) (caused by TransportError())"], "network"),
    ],
)
def test_warnings_say_why_nothing_came(message: str, warnings: list[str], outcome: str) -> None:
    error = raised(of_youtube(message))
    got, reason = classify(error, [f"[youtube] --PJHxphWEs: Unable to download {warning}" for warning in warnings])
    assert got == outcome
    assert reason.startswith(f"[youtube] --PJHxphWEs: {message} (Unable to download ")
    assert "caused by" not in reason


def test_a_player_script_that_was_not_solved_is_part_of_the_reason() -> None:
    said = "n challenge solving failed: Some formats may be missing."
    assert said.partition(":")[0] in inspect.getsource(youtube)
    error = raised(of_youtube("Requested format is not available."))
    outcome, reason = classify(error, [f"[youtube] --PJHxphWEs: {said} Ensure you have a supported runtime"])
    assert outcome == "no_formats"
    assert said in reason


def test_a_refusal_is_the_cause_where_else_only_unavailable_is_said() -> None:
    warning = "[youtube] --PJHxphWEs: Unable to download API page: HTTP Error 403: Forbidden"
    assert classify(raised(of_youtube("Video unavailable")), [warning])[0] == "forbidden"
    assert classify(raised(of_youtube("Private video")), [warning])[0] == "private"
    other = "[youtube] --PJHxphWEs: Unable to download thumbnail: HTTP Error 403: Forbidden"
    assert classify(raised(of_youtube("No video formats found!")), [other])[0] == "no_formats"


def test_an_error_that_is_not_yt_dlps_is_named() -> None:
    assert classify(TypeError("expected string\nor bytes")) == ("unrecognised", "TypeError: expected string")


@pytest.mark.parametrize("message", OPEN)
def test_what_is_not_for_ever_or_about_the_asker_stays_open(message: str) -> None:
    assert classify(raised(of_youtube(message))) == ("unrecognised", reason_of(message))


@pytest.mark.parametrize(
    "error",
    [
        "[youtube] removed-xyz: A new reason.",
        "[youtube] copyright-1: A new reason.",
        "[youtube] -connection: A new reason.",
        "[youtube] -network-_0: A new reason.",
        "[youtube] violat_timeout: A new reason.",
        "[generic] Private video: take 2: Unable to extract title",
        "Unable to rename file: '/data/network/Private video. This video has been deleted/a.m4a.part'",
        "Postprocessing: /home/connection/timed out/section.m4a: Invalid data found when processing input",
        "ffmpeg exited with code 8",
    ],
)
def test_ids_and_paths_are_no_reason(error: str) -> None:
    assert classify(DownloadError(f"ERROR: {error}")) == ("unrecognised", error)


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        (
            "This video contains content from Private Video. Network, who has blocked it on copyright grounds",
            "copyright",
        ),
        (
            "This video is no longer available due to a copyright claim by Try Again Later Rate-Limited Records",
            "copyright",
        ),
        (
            "This video is available to this channel's members on level: No Copyright In Your Country (or any higher level).",
            "members_only",
        ),
        (
            "A stream called Private video, removed in your country on copyright grounds, will begin shortly",
            "unrecognised",
        ),
    ],
)
def test_names_are_no_reason(message: str, outcome: str) -> None:
    assert classify(raised(of_youtube(message)))[0] == outcome


@pytest.mark.parametrize(
    ("status", "reason", "outcome"),
    [
        (302, "Found", "server_error"),
        (403, "Forbidden", "forbidden"),
        (404, "Not Found", "not_found"),
        (408, "Request Timeout", "timeout"),
        (410, "Gone", "not_found"),
        (429, "Too Many Requests", "rate_limited"),
        (500, "Internal Server Error", "server_error"),
        (503, "Service Unavailable", "server_error"),
        (418, "I'm a teapot", "unrecognised"),
    ],
)
def test_an_http_status_says_what_happened_wherever_it_is_wrapped(status: int, reason: str, outcome: str) -> None:
    error = http_error(status, reason)
    in_extractor, in_downloader = raised(no_webpage(error)), raised(error)
    for wrapped in (in_extractor, in_downloader, error):
        assert classify(wrapped)[0] == outcome
        assert f"HTTP Error {status}: {reason}" in classify(wrapped)[1]


def test_redirects_in_a_circle_are_the_servers_failure() -> None:
    error = HTTPError(http_error(302, "Found").response, redirect_loop=True)
    assert "redirect loop" in str(error)
    for wrapped in (raised(no_webpage(error)), raised(error), DownloadError(f"ERROR: \r[download] Got error: {error}")):
        assert classify(wrapped)[0] == "server_error"


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize(
    ("module", "phrase", "with_class"),
    [
        (youtube_base, "Unable to download API page", True),
        (yt_dlp.YoutubeDL, "unable to download video data", True),
        (yt_dlp.downloader.common, "[download] Got error", False),
    ],
)
def test_only_an_address_of_the_clip_itself_can_be_not_found(
    module: object, phrase: str, with_class: bool, status: int
) -> None:
    assert phrase in inspect.getsource(module)
    error = http_error(status, "Gone")
    told = DownloadError(f"ERROR: {phrase}: {error}", (HTTPError, error, None) if with_class else (None, None, None))
    assert classify(told)[0] == "server_error"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (http_error(403, "Forbidden"), "forbidden"),
        (http_error(429, "Too Many Requests"), "forbidden"),
        (http_error(404, "Not Found"), "server_error"),
        (http_error(503, "Service Unavailable"), "server_error"),
        (TransportError("The read operation timed out"), "timeout"),
        (TransportError(cause=ConnectionRefusedError(111, "Connection refused")), "network"),
    ],
)
def test_youtube_that_does_not_answer_says_nothing_about_the_video(
    error: Exception, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: object) -> None:
        raise error

    with yt_dlp.YoutubeDL({"quiet": True, "no_warnings": True, "cachedir": False, "extractor_retries": 0}) as ydl:
        monkeypatch.setattr(ydl, "urlopen", refuse)
        with pytest.raises(DownloadError) as told:
            ydl.extract_info("https://www.youtube.com/watch?v=removed-xyz", download=False)
    assert classify(told.value)[0] == outcome


def test_a_status_counts_more_than_the_words_around_it() -> None:
    error = of_youtube("Video unavailable. This video is private", cause=http_error(429, "Too Many Requests"))
    assert classify(raised(error))[0] == "rate_limited"


@pytest.mark.parametrize(
    "error",
    [
        TransportError("The read operation timed out"),
        TransportError(cause=TimeoutError("timed out")),
        TransportError("HTTPSConnectionPool(host='www.youtube.com', port=443): Read timed out. (read timeout=20.0)"),
        TimeoutError("[Errno 110] Connection timed out"),
    ],
)
def test_no_answer_in_time_is_a_timeout(error: Exception) -> None:
    assert classify(raised(error))[0] == "timeout"
    assert classify(raised(no_webpage(error)))[0] == "timeout"


@pytest.mark.parametrize(
    "error",
    [
        TransportError("[Errno -3] Temporary failure in name resolution"),
        TransportError(cause=ConnectionResetError(104, "Connection reset by peer")),
        IncompleteRead(1000, 5000),
        ConnectionRefusedError(111, "Connection refused"),
        ContentTooShortError(1000, 6000),
    ],
)
def test_a_connection_that_fails_or_breaks_off_is_the_network(error: Exception) -> None:
    assert classify(raised(error))[0] == "network"


def test_yt_dlps_own_word_for_a_geographic_block_is_understood_whatever_the_site_says() -> None:
    assert classify(raised(GeoRestrictedError("Nicht in Ihrem Land", countries=["DE"])))[0] == "geo_blocked"


def test_a_page_instead_of_media_is_corrupt() -> None:
    outcome, reason = classify(raised(UnsupportedError("http://localhost/page")))
    assert outcome == "corrupt"
    assert reason == "the answer is not media: Unsupported URL: http://localhost/page"


def test_a_transfer_that_was_cut_off_is_the_network() -> None:
    # what yt-dlp's HTTP downloader says, with a carriage return in front, when the body ends early
    said = "ERROR: \r[download] Got error: 49182 bytes read, 49183 more expected"
    assert classify(DownloadError(said)) == ("network", "49182 bytes read, 49183 more expected")


def test_an_unknown_message_is_unrecognised_and_kept_in_full() -> None:
    message = (
        "[youtube] --PJHxphWEs: The moon stands in the wrong house “today”: " + "come back at dawn, " * 50 + "then"
    )
    assert classify(DownloadError(f"ERROR: {message}")) == ("unrecognised", message)


def test_the_advice_to_report_an_error_is_no_part_of_the_reason() -> None:
    error = raised(of_youtube("Cannot identify player", expected=False))
    assert "please report this issue" in str(error)
    assert classify(error) == ("unrecognised", "[youtube] --PJHxphWEs: Cannot identify player")


def test_colours_of_a_terminal_are_no_part_of_the_reason() -> None:
    error = raised(of_youtube("Video unavailable"), "\x1b[0;31mERROR:\x1b[0m")
    assert classify(error) == ("unavailable", "[youtube] --PJHxphWEs: Video unavailable")


def test_errors_that_wrap_each_other_are_no_endless_chain() -> None:
    one, other = DownloadError("ERROR: one"), DownloadError("ERROR: other")
    one.exc_info, other.exc_info = (DownloadError, other, None), (DownloadError, one, None)
    assert classify(one) == ("unrecognised", "one")


def test_every_outcome_is_of_one_kind_and_refusals_pass() -> None:
    kinds = [columns.KEPT, outcomes.PERMANENT, outcomes.TRANSIENT, {"unrecognised"}]
    assert sorted(word for kind in kinds for word in kind) == sorted(OUTCOMES)
    assert outcomes.REFUSED < outcomes.TRANSIENT
    assert {word for _, word in ytdlp_errors._BY_MESSAGE} | set(ytdlp_errors._BY_STATUS.values()) <= set(OUTCOMES)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("-5", 0.0), ("soon", 0.0), ("", 0.0), ("9" * 400, 86400.0),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("Fri, 31 Dec 9999 23:59:59 -1200", 86400.0)],
)  # fmt: skip
def test_a_server_says_when_to_come_back_within_reason(header: str, seconds: float) -> None:
    error = http_error(429, "Too Many Requests")
    error.response.headers["Retry-After"] = header
    # a date that no clock can hold is no date
    assert ytdlp_errors.retry_after_seconds(raised(error)) in ((seconds, 0.0) if "9999" in header else (seconds,))
