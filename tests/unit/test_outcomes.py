import io
import sys

import pytest
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import HTTPError, IncompleteRead, TransportError
from yt_dlp.utils import ContentTooShortError, DownloadError, ExtractorError, GeoRestrictedError, UnsupportedError

from soundsift import outcomes
from soundsift.outcomes import OUTCOMES, classify

LOGIN_HINT = (
    "Use --cookies-from-browser or --cookies for the authentication. "
    "See  https://github.com/yt-dlp/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp  for how to manually pass cookies"
)
SAID = {
    f"Sign in to confirm you’re not a bot. {LOGIN_HINT}": "bot_check",
    f"Sign in to confirm you're not a bot. {LOGIN_HINT}": "bot_check",
    "Video unavailable. YouTube is requiring a captcha challenge before playback": "bot_check",
    "This content isn't available, try again later. The current session has been rate-limited by YouTube for up to an "
    "hour. It is recommended to use `-t sleep` to add a delay between video requests to avoid exceeding the rate "
    "limit.": "rate_limited",
    "Video unavailable. This content isn’t available, try again later.": "rate_limited",
    f"Sign in to confirm your age. This video may be inappropriate for some users. {LOGIN_HINT}": "age_restricted",
    "Video unavailable. This video is no longer available because the YouTube account associated with this video has "
    "been terminated.": "terminated",
    "Video unavailable. This video is no longer available because the YouTube account associated with this video has "
    "been terminated due to multiple third-party notifications of copyright infringement.": "terminated",
    "Video unavailable. This video contains content from X, who has blocked it on copyright grounds": "copyright",
    "Video unavailable. This video contains content from Cartoon Network, who has blocked it in your country on "
    "copyright grounds": "copyright",
    "Video unavailable. This video is no longer available due to a copyright claim by X": "copyright",
    "The uploader has not made this video available in your country": "geo_blocked",
    "Join this channel to get access to members-only content like this video, and other exclusive perks.":
        "members_only",
    "This video is available to this channel's members on level: Gold (or any higher level).": "members_only",
    f"Private video. Sign in if you've been granted access to this video. {LOGIN_HINT}": "private",
    "Video unavailable. This video is private": "private",
    "Video unavailable. This video has been removed by the uploader": "removed",
    "This video has been removed for violating YouTube's Terms of Service": "removed",
    "Video unavailable": "unavailable",
    "This video is not available": "unavailable",
    "This video isn’t available anymore": "unavailable",
}  # fmt: skip


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


@pytest.mark.parametrize(("message", "outcome"), SAID.items())
def test_youtubes_words_are_understood(message: str, outcome: str) -> None:
    assert classify(raised(of_youtube(message))) == (outcome, f"[youtube] --PJHxphWEs: {message}")


@pytest.mark.parametrize(
    ("status", "reason", "outcome"),
    [
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
    assert reason == "the answer is no media: Unsupported URL: http://localhost/page"


@pytest.mark.parametrize(
    "message", ["The downloaded file is empty", "Did not get any data blocks", "[youtube] a: No video formats found!"]
)
def test_a_complaint_without_an_exception_is_understood_by_its_words(message: str) -> None:
    assert classify(DownloadError(f"ERROR: {message}", (None, None, None))) == ("corrupt", message)


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
    error = raised(of_youtube("Failed to extract any player response", expected=False))
    assert "please report this issue" in str(error)
    assert classify(error) == ("unrecognised", "[youtube] --PJHxphWEs: Failed to extract any player response")


def test_colours_of_a_terminal_are_no_part_of_the_reason() -> None:
    error = raised(of_youtube("Video unavailable"), "\x1b[0;31mERROR:\x1b[0m")
    assert classify(error) == ("unavailable", "[youtube] --PJHxphWEs: Video unavailable")


def test_errors_that_wrap_each_other_are_no_endless_chain() -> None:
    one, other = DownloadError("ERROR: one"), DownloadError("ERROR: other")
    one.exc_info, other.exc_info = (DownloadError, other, None), (DownloadError, one, None)
    assert classify(one) == ("unrecognised", "one")


def test_every_outcome_is_of_one_kind_and_refusals_pass() -> None:
    kinds = [outcomes.KEPT, outcomes.PERMANENT, outcomes.TRANSIENT, {"unrecognised"}]
    assert sorted(word for kind in kinds for word in kind) == sorted(OUTCOMES)
    assert outcomes.REFUSED < outcomes.TRANSIENT
    assert {word for _, word in outcomes._BY_MESSAGE} | set(outcomes._BY_STATUS.values()) <= set(OUTCOMES)


@pytest.mark.parametrize("prefix", ["Video unavailable. ", ""])
def test_a_closed_account_is_terminated(prefix: str) -> None:
    message = f"{prefix}This video is no longer available because the uploader has closed their YouTube account."
    assert classify(DownloadError(f"ERROR: [youtube] --PJHxphWEs: {message}"))[0] == "terminated"


def test_a_player_that_may_not_play_says_nothing_about_the_video() -> None:
    message = "The following content is not available on this app.. Watch on the latest version of YouTube."
    assert classify(DownloadError(f"ERROR: [youtube] --PJHxphWEs: {message}"))[0] == "unrecognised"
