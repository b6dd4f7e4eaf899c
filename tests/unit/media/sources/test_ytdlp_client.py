import io
import logging
from typing import Any

import pytest
from yt_dlp.extractor.youtube import YoutubeIE
from yt_dlp.networking import Response
from yt_dlp.networking._helper import InstanceStoreMixin
from yt_dlp.networking._urllib import UrllibRH
from yt_dlp.networking.exceptions import TransportError

from soundsift.media.sources import ytdlp_client
from soundsift.media.sources.ytdlp_client import Client, _limited
from soundsift.media.sources.ytdlp_errors import Answers, classify

WRAPPED = ("_extract_player_responses", "_extract_formats_and_subtitles", *ytdlp_client.MANIFEST_METHODS)


@pytest.mark.parametrize("name", WRAPPED)
def test_a_yt_dlp_without_a_method_that_is_wrapped_is_one_line_in_the_log(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    owner = next(kind for kind in YoutubeIE.__mro__ if name in vars(kind))
    monkeypatch.delattr(owner, name)
    Client({})
    (message,) = caplog.messages
    assert f" has no {name}: clips are fetched" in message


def test_a_yt_dlp_whose_sessions_are_made_otherwise_is_one_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for kind in (UrllibRH, InstanceStoreMixin):
        monkeypatch.delattr(kind, "_create_instance")
    Client({"compat_opts": ["prefer-legacy-http-handler"]})._request_director.close()
    (message,) = caplog.messages
    assert " has no _create_instance: clips are fetched" in message


def test_the_yt_dlp_that_is_installed_has_all_methods_that_are_wrapped(caplog: pytest.LogCaptureFixture) -> None:
    Client({})._request_director.close()
    assert not caplog.messages


@pytest.mark.parametrize("found", [({"status": "new"},), (), ([5],), None])
def test_answers_of_players_in_a_new_form_are_passed_on(
    found: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(YoutubeIE, "_extract_player_responses", lambda *_: found)
    client = Client({})
    assert client.get_info_extractor("Youtube")._extract_player_responses(["tv"], "a") is found
    assert client.answers == Answers()
    assert "have a new form" in caplog.text


def test_without_the_search_for_formats_every_manifest_is_requested(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    monkeypatch.delattr(YoutubeIE, "_extract_formats_and_subtitles")
    for name in ytdlp_client.MANIFEST_METHODS:
        monkeypatch.setattr(YoutubeIE, name, lambda self, url: ([url], {}))
        assert getattr(Client({}).get_info_extractor("Youtube"), name)("address") == (["address"], {})


def test_an_answer_is_read_up_to_a_limit_and_then_is_a_server_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ytdlp_client, "MOST_ANSWER_BYTES", 100_000)

    def response(n_bytes: int) -> Response:
        return _limited(Response(io.BytesIO(bytes(n_bytes)), "https://www.youtube.com/", {}))

    assert len(response(100_000).read()) == 100_000
    one = response(100_001)
    with pytest.raises(TransportError) as error:
        one.read()
    assert one.fp.closed
    assert classify(error.value) == ("server_error", "the answer is longer than 0.1 MB")
    # media are read in pieces, however long they are
    assert len(response(300_000).read(300_000)) == 300_000
