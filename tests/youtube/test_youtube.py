"""yt-dlp's own YouTube extractor, run by the project's fetching process, against the imitation.

    pytest tests/youtube -s

prints the table of the cases.
"""

import json
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pytest

from convert_clips import convert_clips
from download_clips import download_clips
from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.errors import ConfigError, DownloadError
from soundsift.media import breaker, decode
from soundsift.media.archive import Archive
from soundsift.media.archive_writer import ArchiveWriter
from soundsift.media.breaker import Breaker
from soundsift.media.columns import KEPT, OUTCOME_COLUMNS
from soundsift.media.coverage import whole_files
from soundsift.media.outcomes import OUTCOMES
from soundsift.media.pace import Pace
from soundsift.metadata.batches import Clip
from soundsift.metadata.columns import BATCH_COLUMNS
from soundsift.tables import read_csv, schema_of, write_csv
from tests.conftest import Once
from tests.site.downloads import fetch
from tests.youtube.cases import CASES, TWO_MS, Case, Format
from tests.youtube.imitation import YouTube, make_certificate
from tests.youtube.media import LAYOUTS, RATE_HZ, Samples, late_samples, shift_samples, write_layouts

URL = "https://www.youtube.com/watch?v={video_id}"
SOUNDS = {"right": 1, "wrong": 2}
TRAILER = Case("trailer itself", "ok", formats=(Format("m4a", sound="wrong"),))
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program to make a certificate with")


@dataclass
class Rehearsed:
    """The clip of a case: its row, and the shift of its sound, None if it is another sound or there is none."""

    row: dict[str, Any]
    shift: int | None
    n_requests: dict[str, int]


@pytest.fixture(scope="session")
def layouts(once: Once) -> Path:
    def write(folder: Path) -> None:
        for sound, seed in SOUNDS.items():
            write_layouts(folder / sound, seed)

    return once("youtube", write)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def youtube(layouts: Path, certificate: Path, environment: None) -> Iterator[YouTube]:
    with YouTube(layouts, certificate) as running:
        yield running


@pytest.fixture(scope="module")
def environment(certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        patch.setenv("SSL_CERT_FILE", str(certificate.with_name("public.pem")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def clip_of(number: int, case: Case) -> Clip:
    video_id = f"case-{number:06d}"
    start = case.start_seconds
    return Clip(f"{video_id}_{round(start * 1000)}", video_id, start, start + 10.0)


def ask(youtube: YouTube, clips: list[Clip], root: Path, **options: Any) -> dict[str, dict[str, Any]]:
    """Download clips from the imitation; the options are those of the policy, and yt_dlp is added to."""
    yt_dlp = {"compat_opts": ["no-certifi"], "socket_timeout": 5.0, **options.pop("yt_dlp", {})}
    options = {"proxy": f"http://{youtube.address}", "tries": 1, **options}
    return fetch(clips, URL, root, yt_dlp=yt_dlp, **options)


def shift_of(row: dict[str, Any], root: Path, sound: str = "right") -> int | None:
    offset = row["media_start_seconds"]
    cut = decode.cut(root / row["media"], row["start_seconds"] - offset, row["end_seconds"] - offset, RATE_HZ)
    return shift_samples(np.array(cut.get_array_of_samples()), row["start_seconds"], SOUNDS[sound])


@pytest.fixture(scope="module")
def table(layouts: Path, certificate: Path, environment: None, once: Once) -> dict[str, Rehearsed]:
    """The results of all cases, from one download job."""
    folder = once("youtube_table", lambda folder: rehearse(layouts, certificate, folder))
    found = json.loads((folder / "table.json").read_text())
    return {name: Rehearsed(**one) for name, one in found.items()}


def rehearse(layouts: Path, certificate: Path, folder: Path) -> None:
    """Download the clips of all cases, print their table, and write it to ``table.json``."""
    root = folder / "archive"
    root.mkdir(parents=True)
    clips = [clip_of(number, case) for number, case in enumerate(CASES)]
    found = {}
    with YouTube(layouts, certificate) as youtube:
        youtube.videos = {one.video_id: case for one, case in zip(clips, CASES, strict=True)}
        youtube.videos["the-trailer"] = TRAILER
        rows = ask(youtube, clips, root, block_after=10**6)
        for case, one in zip(CASES, clips, strict=True):
            row = rows[one.clip_id]
            shift = shift_of(row, root) if row["outcome"] == "ok" else None
            kinds = ("www", "manifest", "media")
            found[case.name] = Rehearsed(row, shift, {kind: youtube.n_requests(kind, one.video_id) for kind in kinds})
    line = "{:45} {:14} {:14} {:>3} {:>8} {:>5} {:>6}  {}"
    print("\n" + line.format("case", "expected", "got", "www", "manifest", "media", "shift", "words"))
    for case in CASES:
        one, n = found[case.name], found[case.name].n_requests
        shift = "" if one.row["outcome"] != "ok" else str(one.shift)
        print(line.format(case.name, case.outcome, one.row["outcome"], *n.values(), shift, one.row["reason"][:120]))
    (folder / "table.json").write_text(json.dumps({name: asdict(one) for name, one in found.items()}))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_case_gets_its_outcome_and_each_clip_its_sound(case: Case, table: dict[str, Rehearsed]) -> None:
    one = table[case.name]
    assert one.row["outcome"] == case.outcome, one.row["reason"]
    if case.outcome == "ok":
        assert one.shift is not None, "another sound"
        assert abs(one.shift - case.shift) <= case.most_shift
    else:
        assert one.row["reason"]
        assert one.row["media"] == ""


def put(youtube: YouTube, *cases: Case) -> list[Clip]:
    """Put one video for each case on the site; return their clips."""
    clips = [clip_of(number, case) for number, case in enumerate(cases)]
    youtube.videos |= {one.video_id: case for one, case in zip(clips, cases, strict=True)}
    return clips


def case(name: str, **options: Any) -> Case:
    """Return a case of the table, with changes."""
    return replace(next(one for one in CASES if one.name == name), **options)


@pytest.fixture
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses after answers that are not understood that end at once, for tests of other things."""
    monkeypatch.setattr(breaker, "LONGEST_DELAY_SECONDS", 0.1)


@pytest.mark.usefixtures("short_delays")
@pytest.mark.parametrize(("name", "n_asked"), [("no addresses", 5), ("players 429", 5), ("protected", 5)])
@pytest.mark.parametrize("on_transient", ["fail", "record"])
def test_a_batch_that_is_offered_nothing_stops_soon_and_fails_with_one_line(
    name: str, n_asked: int, on_transient: str, youtube: YouTube, tmp_path: Path
) -> None:
    clips = put(youtube, *[case(name)] * 20)
    with pytest.raises(DownloadError) as error:
        ask(youtube, clips, tmp_path / "archive", concurrency=1, tries=4, on_transient=on_transient)
    assert "\n" not in str(error.value)
    assert ("5 no_formats" if name != "players 429" else "rate_limited") in str(error.value)
    # one more for the player script
    assert youtube.n_requests("www") <= 3 * n_asked + 1


@pytest.mark.usefixtures("short_delays")
def test_after_no_formats_other_jobs_ask_one_clip_each_until_one_comes(youtube: YouTube, tmp_path: Path) -> None:
    clips = put(youtube, *[case("no addresses")] * 10)
    for n_asked in (5, 6, 7):
        with pytest.raises(DownloadError, match="no_formats"):
            ask(youtube, clips[7:] if n_asked == 7 else clips[:7], tmp_path / "archive", concurrency=1)
        assert len([one for one in clips if youtube.n_requests("www", one.video_id)]) <= n_asked
    youtube.videos = dict.fromkeys(youtube.videos, case("m4a"))
    rows = ask(youtube, clips, tmp_path / "archive", concurrency=1)
    assert {row["outcome"] for row in rows.values()} == {"ok"}


@pytest.mark.parametrize("other", ["private", "words that nobody knows", "players 503"])
def test_dead_and_unknown_videos_between_refusals_do_not_keep_a_job_asking(
    other: str, youtube: YouTube, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clips = put(youtube, *[case("bot check"), case(other)] * 20)
    with pytest.raises(DownloadError, match="the source refuses us"):
        ask(youtube, clips, tmp_path / "archive", concurrency=1, on_transient="record")
    assert len([one for one in clips if youtube.n_requests("www", one.video_id)]) <= 10
    assert not [message for message in caplog.messages if "none of the" in message], "it is said of jobs that succeed"


def test_a_count_that_other_jobs_raised_holds_nobody_up(
    youtube: YouTube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as if another job had counted its refusals and ended its block in between
    monkeypatch.setattr(Pace, "count_refusal", lambda *arguments: (False, 5))
    clips = put(youtube, *[case("bot check")] * 6)
    job = threading.Thread(
        target=ask, args=(youtube, clips, tmp_path / "archive"), kwargs={"on_transient": "record"}, daemon=True
    )
    job.start()
    job.join(60)
    assert not job.is_alive()
    assert all(youtube.n_requests("www", one.video_id) for one in clips)


def test_refused_videos_at_the_front_do_not_keep_later_runs_from_the_others(youtube: YouTube, tmp_path: Path) -> None:
    clips = put(youtube, *[case("protected")] * 5, *[case("m4a")] * 6)
    with pytest.raises(DownloadError, match="no_formats"):
        ask(youtube, clips, tmp_path / "archive", concurrency=1, on_transient="fail")
    rows = ask(youtube, clips, tmp_path / "archive", concurrency=1, on_transient="record")
    assert [row["outcome"] for row in rows.values()].count("ok") == 6


def test_a_clip_between_refusals_shows_that_the_site_still_answers(youtube: YouTube, tmp_path: Path) -> None:
    clips = put(youtube, *[case("bot check"), case("bot check"), case("m4a")] * 4)
    rows = ask(youtube, clips, tmp_path / "archive", concurrency=1, block_after=3)
    assert [row["outcome"] for row in rows.values()] == ["bot_check", "bot_check", "ok"] * 4


def test_clips_that_were_offered_no_formats_do_not_count_towards_a_block(youtube: YouTube, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    clips = put(youtube, *[case("no addresses")] * 4, *[case("bot check")] * 6)
    with pytest.raises(DownloadError):
        ask(youtube, clips[:5], root, concurrency=1, on_transient="fail")
    assert Pace(root).blocked() is None, "one bot check is no block"
    for one in clips[5:9]:
        with pytest.raises(DownloadError):
            ask(youtube, [one], root, concurrency=1, on_transient="fail")
    assert Pace(root).blocked() is not None


def test_errors_that_nobody_understands_slow_a_job_down_until_media_come(
    youtube: YouTube, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clips = put(youtube, *[case("words that nobody knows")] * 4, case("m4a"), case("m4a"))
    began = time.monotonic()
    ask(youtube, clips, tmp_path / "other", concurrency=1, block_after=10)
    without_pauses = time.monotonic() - began
    began = time.monotonic()
    rows = ask(youtube, clips, tmp_path / "archive", concurrency=1, block_after=2)
    # after two and more such errors: pauses of 1 s, 2 s and 4 s; after the clip none, where there would be one of 8 s
    assert 7.0 < time.monotonic() - began < 7.0 + without_pauses + 6.0
    said = [message.split(": ")[1].split(",")[0] for message in caplog.messages if "not understood" in message]
    assert said == ["waits 1 s", "waits 2 s", "waits 4 s"]
    assert [row["outcome"] for row in rows.values()].count("ok") == 2


@pytest.mark.parametrize("name", ["words that nobody knows", "no addresses"])
@pytest.mark.parametrize("size", [1, 2])
def test_batches_of_a_few_clips_do_not_succeed_one_after_the_other_without_any(
    name: str, size: int, youtube: YouTube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, failed, delays = tmp_path / "archive", [], []
    delay = Breaker._delay_seconds
    monkeypatch.setattr(Breaker, "_delay_seconds", lambda self: delays.append(delay(self)) or 0.0)
    clips = put(youtube, *[case(name)] * 8)
    for first in range(0, 8, size):
        try:
            ask(youtube, clips[first : first + size], root, concurrency=1, block_after=4, on_transient="record")
        except DownloadError as error:
            failed.append((first, str(error)))
    assert [first for first, _ in failed] == [first for first in range(0, 8, size) if first + size >= 4]
    assert "4 such clips in a row over all jobs" in failed[0][1]
    assert "\n" not in failed[0][1]
    # growing pauses from one job to the next
    n_asked = len([one for one in clips if youtube.n_requests("www", one.video_id)])
    assert delays[:5] == [0.0, 0.0, 0.0, 0.0, 1.0]
    assert delays[n_asked - 1] == 2.0 ** (n_asked - 5)
    youtube.videos[clips[-1].video_id] = case("m4a")
    rows = ask(youtube, clips[-1:], root, concurrency=1, block_after=4)
    assert rows[clips[-1].clip_id]["outcome"] == "ok"
    ask(youtube, clips[:1], root, concurrency=1, block_after=4, on_transient="record")
    assert delays[-1] == 0.0


def test_a_batch_with_clips_goes_on_whatever_other_jobs_have_not_understood(youtube: YouTube, tmp_path: Path) -> None:
    clips = put(youtube, case("m4a"), *[case("words that nobody knows")] * 2)
    for _ in range(2):
        rows = ask(youtube, clips, tmp_path / "archive", concurrency=1, block_after=2, on_transient="record")
        assert [row["outcome"] for row in rows.values()] == ["ok", "unrecognised", "unrecognised"]


def test_errors_of_one_source_do_not_fail_a_job_whose_clips_another_one_has(
    youtube: YouTube, layouts: Path, tmp_path: Path
) -> None:
    clips = put(youtube, *[case("words that nobody knows")] * 3)
    (tmp_path / "media").mkdir()
    for one in clips:
        (tmp_path / "media" / f"{one.video_id}.m4a").symlink_to(layouts / "right" / LAYOUTS["m4a"][0])
    sources = [SourceParams(URL), SourceParams(f"file://{tmp_path}/media/{{video_id}}.*")]
    yt_dlp = {"compat_opts": ["no-certifi"]}
    rows = fetch(clips, sources, tmp_path / "archive", yt_dlp=yt_dlp, proxy=f"http://{youtube.address}",
                 concurrency=1, block_after=2, on_transient="fail")  # fmt: skip
    assert [row["outcome"] for row in rows.values()] == ["ok"] * 3


def test_the_log_says_what_was_asked_for_and_what_was_not(
    youtube: YouTube, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clips = put(youtube, case("m4a"), *[case("bot check")] * 9)
    with pytest.raises(DownloadError, match="6 not requested, 3 bot_check"):
        ask(youtube, clips, tmp_path / "archive", concurrency=1, block_after=3)
    assert any(
        message.endswith(": of 10 clips in this round: 6 not asked, 3 bot_check, 1 ok") for message in caplog.messages
    )
    assert not [message for message in caplog.messages if " 10 of 10" in message]


def test_a_full_disk_is_no_reason_to_ask_for_the_whole_file(
    youtube: YouTube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = ArchiveWriter.scratch

    @contextmanager
    def full(self: ArchiveWriter) -> Iterator[Path]:
        with make(self) as folder:
            for name in ("section.m4a", "section.webm", "whole.m4a"):
                (folder / name).symlink_to("/dev/full")
            yield folder

    monkeypatch.setattr(ArchiveWriter, "scratch", full)
    clips = put(youtube, case("m4a"), case("webm"), case("hls"))
    for one in clips:
        with pytest.raises(DownloadError, match="cannot be written .*free disk space"):
            ask(youtube, [one], tmp_path / "archive", concurrency=1)
        assert youtube.sent[one.video_id] < 450_000, "the whole file was fetched"


def test_pieces_without_end_are_read_no_further_than_the_limit(youtube: YouTube, tmp_path: Path) -> None:
    (one,) = put(youtube, case("hls", media="endless"))
    row = ask(youtube, [one], tmp_path / "archive", source={"max_megabytes": 5.0})[one.clip_id]
    assert row["outcome"] == "unavailable"
    assert "larger than download.max_megabytes" in row["reason"]


def test_page_and_players_may_ask_to_be_left_alone(youtube: YouTube, tmp_path: Path) -> None:
    answer = "429 retry 7200"
    clips = put(youtube, *[Case("", "", page=answer, tv=answer, visionos=answer)] * 2)
    with pytest.raises(DownloadError, match="asks to be left alone for 7200 s"):
        ask(youtube, clips, tmp_path / "archive", concurrency=1, on_transient="fail")
    until, _ = Pace(tmp_path / "archive").blocked() or (0.0, "")
    assert 7100 < until - time.time() <= 7200


def test_a_partial_outage_blocks_nobody(youtube: YouTube, tmp_path: Path) -> None:
    clips = put(youtube, *[Case("", "network", page="drop", tv="drop", visionos="drop")] * 6)
    clips += put(youtube, *[case("players drop")] * 6)
    rows = ask(youtube, clips, tmp_path / "archive", concurrency=1)
    assert {row["outcome"] for row in rows.values()} == {"network"}
    assert Pace(tmp_path / "archive").blocked() is None


def test_a_batch_of_dead_videos_is_said_on_the_terminal(
    youtube: YouTube, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ask(youtube, put(youtube, *[case("private")] * 5), tmp_path / "archive")
    assert "none of the 5 clips of this batch is there (5 private)" in caplog.messages


@pytest.mark.parametrize("name", ["unavailable to two players", "not available", "not available to players"])
def test_unavailable_is_permanent_when_a_later_run_hears_it_again(name: str, youtube: YouTube, tmp_path: Path) -> None:
    (one,) = put(youtube, case(name))
    again = replace(one, clip_id=f"{one.video_id}_14300", start_seconds=14.3, end_seconds=24.3)
    asked = []
    for _ in range(3):
        rows = ask(youtube, [one, again], tmp_path / "archive", concurrency=1)
        assert {row["outcome"] for row in rows.values()} == {"unavailable"}
        asked.append(youtube.n_requests("www", one.video_id))
    # all clips of a video hear it at once
    assert asked == [3, 6, 6]
    (other,) = put(youtube, case(name))
    assert ask(youtube, [other], tmp_path / "other")[other.clip_id]["outcome"] == "unavailable"
    put(youtube, case("m4a", start_seconds=12.3))
    assert ask(youtube, [other], tmp_path / "other")[other.clip_id]["outcome"] == "ok"


def test_a_whole_file_that_is_too_large_is_no_answer_about_its_section(youtube: YouTube, tmp_path: Path) -> None:
    (one,) = put(youtube, case("media without ranges"))
    row = ask(youtube, [one], tmp_path / "archive", source={"max_megabytes": 0.3})[one.clip_id]
    assert "larger than download.max_megabytes" in row["reason"]
    put(youtube, case("m4a"))
    assert ask(youtube, [one], tmp_path / "archive", source={"max_megabytes": 0.3})[one.clip_id]["outcome"] == "ok"


def test_the_second_try_for_a_whole_file_asks_the_site_nothing(table: dict[str, Rehearsed]) -> None:
    for name in (
        "media without ranges",
        "ranges without a size",
        "ranges without a place",
        "media are a page",
        "media empty",
    ):
        assert table[name].n_requests == {"www": 3, "manifest": 0, "media": 2}
    for name in ("media 403", "media 429"):
        assert table[name].n_requests == {"www": 3, "manifest": 0, "media": 1}


WAYS: dict[str, dict[str, Any]] = {
    "no certificate store": {"yt_dlp": {"nocheckcertificate": True, "compat_opts": []}},
    "socks proxy": {"proxy": "socks5h://{address}"},
    "proxy of the environment": {"proxy": None},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("layout", ["m4a", "hls"])
def test_sections_are_requested_as_yt_dlp_requests_everything_else(
    way: str, layout: str, youtube: YouTube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = put(youtube, case("m4a" if layout == "m4a" else "hls"))
    if way == "no certificate store":
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing.pem"))
    if way == "proxy of the environment":
        monkeypatch.setenv("HTTPS_PROXY", f"http://{youtube.address}")
    options = dict(WAYS[way])
    if options.get("proxy"):
        options["proxy"] = options["proxy"].format(address=youtube.address)
    root = tmp_path / "archive"
    row = ask(youtube, [one], root, **options)[one.clip_id]
    assert row["outcome"] == "ok", row["reason"]
    assert row["media_start_seconds"] > 10.0, "the whole file was fetched"
    assert abs(shift_of(row, root) or 0) <= TWO_MS
    assert youtube.n_requests("www", one.video_id) == 3


def test_a_site_without_a_valid_certificate_gets_no_request(
    youtube: YouTube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = put(youtube, case("m4a"))
    monkeypatch.delenv("SSL_CERT_FILE")
    row = ask(youtube, [one], tmp_path / "archive", yt_dlp={"compat_opts": []})[one.clip_id]
    assert row["outcome"] == "network"
    assert "certificate verify failed" in row["reason"]
    assert not youtube.requests


WRONG_OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "the workflow relies on": ({"ignoreerrors": True}, "ignoreerrors is set by the workflow"),
    "has no effect": ({"external_downloader_args": {"ffmpeg": ["-v"]}}, "external_downloader_args has no effect"),
    "has the wrong type": ({"socket_timeout": "5 s"}, "socket_timeout must be a number, got '5 s'"),
    "does not exist": ({"slep_interval": 5}, "yt-dlp has no option slep_interval"),
}


@pytest.mark.parametrize("what", WRONG_OPTIONS)
def test_an_option_that_is_wrong_is_one_line_before_the_first_request(
    what: str, youtube: YouTube, tmp_path: Path
) -> None:
    options, line = WRONG_OPTIONS[what]
    with pytest.raises(ConfigError) as error:
        ask(youtube, put(youtube, *[case("m4a")] * 3), tmp_path / "archive", yt_dlp=options)
    assert line in str(error.value)
    assert "\n" not in str(error.value)
    assert not youtube.requests


@pytest.mark.parametrize("layout", ["m4a", "hls"])
def test_a_rate_limit_and_pauses_of_yt_dlp_hold_for_sections(layout: str, youtube: YouTube, tmp_path: Path) -> None:
    seconds = []
    for options in ({"ratelimit": 100_000}, {"sleep_interval": 2, "max_sleep_interval": 2.5}):
        began = time.monotonic()
        (one,) = put(youtube, case(layout))
        youtube.sent.clear()
        row = ask(youtube, [one], tmp_path / str(len(seconds)), yt_dlp=options)[one.clip_id]
        assert row["media_start_seconds"] > 10.0, "the whole file was fetched"
        seconds.append(time.monotonic() - began)
    n_bytes = youtube.sent.total()
    # at least so long, on however busy a machine; without options it takes a second
    assert seconds[0] > n_bytes / 100_000 - 1.0 > 0.5
    assert seconds[1] > 2.0


def test_whole_files_in_place_of_sections_are_counted_and_said_where_they_are_common(
    youtube: YouTube, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clips = put(youtube, *[case("media without ranges")] * 4, *[case("m4a")] * 2)
    ask(youtube, clips, tmp_path / "archive", block_after=4)
    assert not [message for message in caplog.messages if "whole files" in message]
    ask(youtube, clips, tmp_path / "other", block_after=3)
    said = "4 of 6 clips came as whole files, because their sections were unusable: the log says why"
    assert said in caplog.messages
    archive = Archive(tmp_path / "other")
    found = pa.table({"clip_id": [one.clip_id for one in clips], "outcome": ["ok"] * 6})
    assert whole_files(found, archive).startswith("4 of 6 clips came as whole files")


@pytest.mark.parametrize("fault", ["html", "truncated", "503"])
def test_a_player_script_that_was_damaged_is_downloaded_again(fault: str, youtube: YouTube, tmp_path: Path) -> None:
    (one,) = put(youtube, case("signature and n", script=f"{fault} once"))
    row = ask(youtube, [one], tmp_path / "archive", tries=2)[one.clip_id]
    assert row["outcome"] == "ok", row["reason"]


def test_no_playlist_is_requested_where_sound_has_a_direct_address(table: dict[str, Rehearsed]) -> None:
    assert table["signature and n"].n_requests["manifest"] == 0
    assert table["no addresses, but a playlist"].n_requests["manifest"] > 0
    assert table["a direct address and a DASH manifest"].n_requests["manifest"] == 0
    assert table["only a DASH manifest"].n_requests["manifest"] > 0


def clips_by_the_workflows_steps(clips: list[Clip], url: str, root: Path, policy: RequestPolicy) -> dict[str, Path]:
    """Download and convert clips with the scripts of the workflow; return {clip_id: FLAC file}."""
    columns = {c.name: [getattr(one, c.name) for one in clips] for c in BATCH_COLUMNS}
    write_csv(pa.table(columns, schema=schema_of(BATCH_COLUMNS)), root / "batch.csv")
    download_clips(
        root / "batch.csv",
        root / "archive",
        [SourceParams(url)],
        policy,
        min_seconds=3.0,
        downloads=root / "downloads.csv",
    )
    convert_clips(root / "downloads.csv", root / "archive", "flac", RATE_HZ, 3.0, root / "clips", root / "outcomes.csv")
    found = read_csv(root / "outcomes.csv", OUTCOME_COLUMNS)
    return {
        clip_id: root / "clips" / f"{clip_id}.flac"
        for clip_id, outcome in zip(found["clip_id"].to_pylist(), found["outcome"].to_pylist(), strict=True)
        if outcome in KEPT
    }


@pytest.mark.skipif("SOUNDSIFT_RECORDINGS" not in os.environ, reason="SOUNDSIFT_RECORDINGS names no real recordings")
def test_the_workflows_steps_give_the_same_clips_of_real_recordings_as_from_disk(
    certificate: Path, environment: None, tmp_path: Path
) -> None:
    n_clips = int(os.environ.get("SOUNDSIFT_N_RECORDINGS", "12"))
    files = sorted((Path(os.environ["SOUNDSIFT_RECORDINGS"]) / "media").iterdir())
    rng = np.random.default_rng(0)
    paths = [files[i] for i in rng.permutation(len(files))[:n_clips]]
    (tmp_path / "disk").mkdir()
    with YouTube(tmp_path, certificate) as youtube:
        clips = []
        for number, path in enumerate(paths):
            layout = path.suffix[1:]
            (tmp_path / str(number)).mkdir()
            (tmp_path / str(number) / LAYOUTS[layout][0]).symlink_to(path)
            start = round(float(rng.uniform(0, max(0.0, (decode.length_of(path) or 0.0) - 10.0))), 3)
            clips.append(clip_of(number, Case("", "ok", start_seconds=start)))
            (tmp_path / "disk" / f"{clips[-1].video_id}{path.suffix}").symlink_to(path)
            youtube.videos[clips[-1].video_id] = Case("", "ok", formats=(Format(layout, sound=str(number)),))
        policy = RequestPolicy(proxy=f"http://{youtube.address}", yt_dlp={"compat_opts": ["no-certifi"]})
        got = clips_by_the_workflows_steps(clips, URL, tmp_path / "from site", policy)
    url = f"file://{tmp_path}/disk/{{video_id}}.*"
    expected = clips_by_the_workflows_steps(clips, url, tmp_path / "from disk", RequestPolicy())
    shifts: Counter[tuple[str, int]] = Counter()
    n_identical, n_same_packets, n_wanted = Counter[str](), Counter[str](), Counter[str]()
    archive = Archive(tmp_path / "from site" / "archive")
    assert got.keys() == expected.keys()
    assert len(got) >= 0.9 * n_clips
    for one, path in zip(clips, paths, strict=True):
        if one.clip_id not in got:
            continue
        there, true = (read_samples(of[one.clip_id]) for of in (got, expected))
        late = late_samples(there, true)
        assert late is not None, path
        shifts[path.suffix, late] += 1
        n_wanted[path.suffix] += 1
        n_identical[path.suffix] += np.array_equal(there, true)
        record = archive.read(one.clip_id)
        assert record is not None
        n_same_packets[path.suffix] += holds_packets(packets_of(path), packets_of(archive.media_path(record)))
    print(f"{len(got)} of {n_clips} clips: {dict(n_wanted)}; shifts: {dict(shifts)}")
    print(f"same packets: {dict(n_same_packets)}; also the same samples: {dict(n_identical)}")
    # a decoder that begins elsewhere replaces noise in AAC by other noise, so the samples may differ
    assert n_same_packets == n_wanted
    assert {late for kind, late in shifts if kind != ".webm"} <= {0}
    assert all(abs(late) <= TWO_MS for _, late in shifts)


def packets_of(path: Path | None) -> list[bytes]:
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]


def holds_packets(all_packets: list[bytes], section: list[bytes]) -> bool:
    begins = (at for at, packet in enumerate(all_packets) if packet == section[0])
    return any(all_packets[at : at + len(section)] == section for at in begins)


def read_samples(path: Path) -> Samples:
    return np.array(decode.cut(path, 0.0, 60.0, RATE_HZ).get_array_of_samples())


def test_there_are_cases_of_every_outcome_that_yt_dlp_can_cause() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    # no source of this kind says these: of YouTube's addresses 404 never means that a video is gone
    assert set(OUTCOMES) - {case.outcome for case in CASES} == {"silent", "not_found", "no_audio"}
