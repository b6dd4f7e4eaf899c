"""yt-dlp's own YouTube extractor, run by the project's fetching process, against the imitation.

    pytest tests/youtube -s

prints the table of the cases.
"""

import json
import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from soundsift.errors import ConfigError, DownloadError
from soundsift.media import decode
from soundsift.media.archive import Archive
from soundsift.media.coverage import whole_files
from soundsift.media.outcomes import OUTCOMES
from soundsift.media.pace import Pace
from soundsift.metadata.batches import Clip
from tests.conftest import Once
from tests.site.downloads import fetch
from tests.youtube.cases import CASES, TWO_MS, Case, Format
from tests.youtube.imitation import YouTube, make_certificate
from tests.youtube.media import LAYOUTS, RATE_HZ, late_samples, shift_samples, write_layouts

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
    line = "{:35} {:14} {:14} {:>3} {:>8} {:>5} {:>6}  {}"
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
        assert abs(one.shift) <= case.most_shift
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
    other: str, youtube: YouTube, tmp_path: Path
) -> None:
    clips = put(youtube, *[case("bot check"), case(other)] * 20)
    with pytest.raises(DownloadError, match="the source refuses us"):
        ask(youtube, clips, tmp_path / "archive", concurrency=1, on_transient="record")
    assert len([one for one in clips if youtube.n_requests("www", one.video_id)]) <= 10


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


def test_unavailable_is_permanent_when_a_later_run_hears_it_again(youtube: YouTube, tmp_path: Path) -> None:
    (one,) = put(youtube, case("unavailable to two players"))
    again = replace(one, clip_id=f"{one.video_id}_14300", start_seconds=14.3, end_seconds=24.3)
    asked = []
    for _ in range(3):
        rows = ask(youtube, [one, again], tmp_path / "archive", concurrency=1)
        assert {row["outcome"] for row in rows.values()} == {"unavailable"}
        asked.append(youtube.n_requests("www", one.video_id))
    # all clips of a video hear it at once
    assert asked == [3, 6, 6]
    (other,) = put(youtube, case("unavailable to two players"))
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
    for name in ("media without ranges", "media are a page", "media empty"):
        assert table[name].n_requests == {"www": 3, "manifest": 0, "media": 2}
    for name in ("media 403", "media 429"):
        assert table[name].n_requests == {"www": 3, "manifest": 0, "media": 1}


WAYS: dict[str, dict[str, Any]] = {
    "no certificate store": {"yt_dlp": {"nocheckcertificate": True, "compat_opts": []}},
    "socks proxy": {"proxy": "socks5h://{address}"},
    "proxy of the environment": {"proxy": None},
    "arguments for ffmpeg": {"yt_dlp": {"external_downloader_args": {"ffmpeg_i": ["-reconnect", "1"]}}},
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


@pytest.mark.parametrize("option", ["outtmpl", "ignoreerrors", "download_ranges", "logger"])
def test_an_option_that_the_workflow_relies_on_is_refused(option: str, youtube: YouTube, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"{option} may not be set"):
        ask(youtube, put(youtube, case("m4a")), tmp_path / "archive", yt_dlp={option: True})


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


def test_no_playlist_is_requested_where_sound_has_a_direct_address(table: dict[str, Rehearsed]) -> None:
    assert table["signature and n"].n_requests["manifest"] == 0
    assert table["no addresses, but a playlist"].n_requests["manifest"] > 0


@pytest.mark.skipif("SOUNDSIFT_RECORDINGS" not in os.environ, reason="SOUNDSIFT_RECORDINGS names no real recordings")
def test_clips_of_real_recordings_are_those_of_the_files_on_disk(
    certificate: Path, environment: None, tmp_path: Path
) -> None:
    n_clips = int(os.environ.get("SOUNDSIFT_N_RECORDINGS", "12"))
    files = sorted((Path(os.environ["SOUNDSIFT_RECORDINGS"]) / "media").iterdir())
    rng = np.random.default_rng(0)
    paths = [files[i] for i in rng.permutation(len(files))[:n_clips]]
    shifts: Counter[tuple[str, int]] = Counter()
    n_identical: Counter[str] = Counter()
    with YouTube(tmp_path, certificate) as youtube:
        clips = []
        for number, path in enumerate(paths):
            layout = path.suffix[1:]
            (tmp_path / str(number)).mkdir()
            (tmp_path / str(number) / LAYOUTS[layout][0]).symlink_to(path)
            start = round(float(rng.uniform(0, max(0.0, (decode.length_of(path) or 0.0) - 10.0))), 3)
            clips.append(clip_of(number, Case("", "ok", start_seconds=start)))
            youtube.videos[clips[-1].video_id] = Case("", "ok", formats=(Format(layout, sound=str(number)),))
        rows = ask(youtube, clips, tmp_path / "archive")
    for one, path in zip(clips, paths, strict=True):
        row = rows[one.clip_id]
        assert row["outcome"] == "ok", (path, row["reason"])
        offset = row["media_start_seconds"]
        expected = decode.cut(path, one.start_seconds, one.end_seconds, RATE_HZ)
        got = decode.cut(
            tmp_path / "archive" / row["media"], one.start_seconds - offset, one.end_seconds - offset, RATE_HZ
        )
        true, there = np.array(expected.get_array_of_samples()), np.array(got.get_array_of_samples())
        late = late_samples(there, true)
        assert late is not None, path
        shifts[path.suffix, late] += 1
        n_identical[path.suffix] += np.array_equal(there, true)
    print(f"shift in samples: {shifts}; identical: {n_identical}")
    assert {late for kind, late in shifts if kind != ".webm"} <= {0}
    assert all(abs(late) <= TWO_MS for _, late in shifts)


def test_there_are_cases_of_every_outcome_that_yt_dlp_can_cause() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    # no source of this kind says these: of YouTube's addresses 404 never means that a video is gone
    assert set(OUTCOMES) - {case.outcome for case in CASES} == {"silent", "not_found", "no_audio"}
