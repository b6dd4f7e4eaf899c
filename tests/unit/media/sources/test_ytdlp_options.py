import re
from typing import Any

import pytest
import yt_dlp

from soundsift.config.ytdlp_options import REFUSED, refusal
from soundsift.media.sources.ytdlp_options import DEFAULTS, OURS, check_options

TAKEN: list[dict[str, Any]] = [
    {}, DEFAULTS, {"ratelimit": 100_000, "sleep_interval": 1.5, "max_sleep_interval": 3},
    {"extractor_args": {"youtube": {"player_client": ["web"]}}}, {"compat_opts": ["no-certifi"]},
    {"nocheckcertificate": True}, {"http_headers": {"Referer": "https://localhost"}}, {"cachedir": False},
    {"cookiefile": None, "proxy": None}, {"cookiesfrombrowser": ["firefox"]}, {"js_runtimes": {"deno": {}}},
    {"username": "me", "usenetrc": True}, {"geo_bypass_country": "DE"}, {"sleep_interval_requests": 1},
    {"impersonate": "chrome"}, {"check_formats": "selected"}, {"source_address": "127.0.0.1"},
]  # fmt: skip
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"ratelimit": "100K"}, "ratelimit must be a number, got '100K'"),
    ({"sleep_interval": True}, "sleep_interval must be a number, got True"),
    ({"format": 140}, "format must be text, got 140"),
    ({"format_sort": "lang"}, "format_sort must be a list, got 'lang'"),
    ({"nocheckcertificate": "yes"}, "nocheckcertificate must be true or false, got 'yes'"),
    ({"http_headers": "Referer: a"}, "http_headers must be a mapping"),
    ({"extractor_args": "youtube:player_client=web"}, "extractor_args must be a mapping"),
    ({"extractor_args": {"youtube": {"player_client": "web"}}}, "must be like {youtube: {player_client: [value]}}"),
    ({"extractor_args": {"youtube": "web"}}, "must be like {youtube: {name: [value]}}, got 'web'"),
    # of the command line, not of the Python interface
    ({"user_agent": "me"}, "yt-dlp has no option user_agent"),
    ({"retries": 3}, "use download.tries"),
]


@pytest.mark.parametrize("options", TAKEN, ids=str)
def test_options_of_the_right_type_are_taken(options: dict[str, Any]) -> None:
    check_options(options)


@pytest.mark.parametrize(("options", "line"), WRONG)
def test_a_wrong_option_is_named_with_what_is_expected(options: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=re.escape(line)):
        check_options(options)


def test_yt_dlp_still_has_the_options_that_are_refused() -> None:
    known = {*yt_dlp.parse_options([]).ydl_opts, *(yt_dlp.YoutubeDL.__doc__ or "").replace(":", " ").split()}
    assert REFUSED - known == set()
    assert OURS.keys() <= REFUSED
    assert all(name in refusal(name) for name in REFUSED)
