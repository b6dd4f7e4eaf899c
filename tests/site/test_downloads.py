import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from soundsift.demo import write_media
from soundsift.errors import ConfigError, DownloadError
from soundsift.media import breaker, encode
from soundsift.media import download as downloading
from soundsift.media.archive import Archive
from soundsift.media.archive_check import check
from soundsift.media.archive_writer import ArchiveWriter
from soundsift.media.pace import Pace
from soundsift.media.sources import ytdlp_process
from soundsift.media.sources.base import fill_template
from soundsift.media.sources.sections import MOST_REQUESTS
from soundsift.media.sources.ytdlp_process import Fetcher
from soundsift.metadata.batches import Clip
from tests.site.downloads import clip, fetch, fill, onset_seconds
from tests.site.site import Site


@pytest.mark.parametrize("ending", ["m4a", "mp4", "webm"])
@pytest.mark.parametrize("sections", [True, False])
def test_what_is_fetched_holds_the_labelled_seconds(ending: str, sections: bool, site: Site, tmp_path: Path) -> None:
    one = clip(1)
    fill(site.folder, [one], ending)
    url = site.url.replace("m4a", ending)
    row = fetch([one], url, tmp_path / "archive", {"sections": sections})[one.clip_id]
    assert row["outcome"] == "ok"
    # WebM counts milliseconds; a sample of the media lasts 0.04 ms
    assert onset_seconds(row, tmp_path / "archive") == pytest.approx(1.0, abs=0.002 if ending == "webm" else 0.0002)


def test_a_section_is_fetched_where_the_server_can(site: Site, tmp_path: Path) -> None:
    one = clip(1)
    fill(site.folder, [one])
    row = fetch([one], site.url, tmp_path / "archive")[one.clip_id]
    assert row["media_start_seconds"] == pytest.approx(3.0, abs=0.05)


def test_a_section_of_webm_begins_where_it_should_although_its_cue_point_is_far_ahead(
    site: Site, tmp_path: Path
) -> None:
    one = clip(1, start=17.3)
    fill(site.folder, [one], "webm", seconds=30)
    row = fetch([one], site.url.replace("m4a", "webm"), tmp_path / "archive")[one.clip_id]
    assert row["media_start_seconds"] == pytest.approx(16.2, abs=0.07)
    assert onset_seconds(row, tmp_path / "archive") == pytest.approx(1.0, abs=0.002)


def test_a_server_without_ranges_gives_the_whole_file(site: Site, tmp_path: Path) -> None:
    one = clip(1)
    fill(site.folder, [one])
    site.faults[one.video_id] = "no_range"
    row = fetch([one], site.url, tmp_path / "archive")[one.clip_id]
    assert (row["outcome"], row["media_start_seconds"]) == ("ok", 0.0)
    assert onset_seconds(row, tmp_path / "archive") == pytest.approx(1.0, abs=0.001)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [(404, "not_found"), (410, "not_found"), (403, "forbidden"), (429, "rate_limited"), (503, "server_error"),
     ("page", "corrupt"), ("empty", "server_error"), ("cut", "network"), ("redirect", "server_error"),
     ("truncated", "corrupt"), ("flipped", "corrupt")],
)  # fmt: skip
def test_each_fault_gets_its_outcome_and_the_others_go_on(fault, outcome: str, site: Site, tmp_path: Path) -> None:
    clips = [clip(1), clip(2), clip(3)]
    fill(site.folder, clips)
    site.faults[clips[1].video_id] = fault
    rows = fetch(clips, site.url, tmp_path / "archive", tries=2)
    assert [row["outcome"] for row in rows.values()] == ["ok", outcome, "ok"]
    assert rows[clips[1].clip_id]["reason"]
    assert rows[clips[1].clip_id]["media"] == ""
    assert not [path for path in (tmp_path / "archive").rglob("*.json") if str(tmp_path) in path.read_text()]


def test_a_server_that_says_a_file_is_shorter_than_it_is_gives_no_whole_file(site: Site, tmp_path: Path) -> None:
    one = clip(1)
    fill(site.folder, [one])
    site.faults[one.video_id] = "short"
    row = fetch([one], site.url, tmp_path / "archive", {"sections": False})[one.clip_id]
    assert row["outcome"] == "corrupt"
    # FFmpeg asks for what is behind, by ranges
    row = fetch([one], site.url, tmp_path / "archive", {"sections": True, "retry_permanent": True})[one.clip_id]
    assert row["outcome"] == "ok", row["reason"]
    assert onset_seconds(row, tmp_path / "archive") == pytest.approx(1.0, abs=0.0002)


def test_a_playlist_of_pieces_is_media_too(site: Site, tmp_path: Path) -> None:
    clips = [clip(1), clip(1, start=7.0), clip(2)]
    fill(site.folder, clips[::2], "m3u8")
    url = site.url.replace("m4a", "m3u8")
    site.faults["-video000021"] = 404  # a piece in the middle
    for sections in (True, False):
        rows = fetch(clips, url, tmp_path / f"archive{sections}", {"sections": sections}, tries=1)
        assert [row["outcome"] for row in rows.values()] == ["ok", "ok", "server_error"]
        # what the encoder puts in front of the sound is not marked in the pieces: 1,024 samples of 24 kHz
        assert onset_seconds(rows[clips[0].clip_id], tmp_path / f"archive{sections}") == pytest.approx(1.0427, abs=1e-3)


def test_segments_of_one_video_share_the_whole_file_now_and_later(site: Site, tmp_path: Path) -> None:
    clips = [clip(1, start) for start in (0.0, 2.5, 7.0, 4.0)]
    fill(site.folder, [clips[3]])
    fetch([clip(1, 4.0)], site.url, tmp_path / "alone", {"sections": False})
    n_requests = site.requests.total()
    rows = fetch(clips[:3], site.url, tmp_path / "archive", {"sections": False}, min_seconds=4.0)
    later = fetch(clips[3:], site.url, tmp_path / "archive")
    assert site.requests.total() == 2 * n_requests
    assert [row["outcome"] for row in (rows | later).values()] == ["ok"] * 4
    assert onset_seconds(later[clips[3].clip_id], tmp_path / "archive") == pytest.approx(1.0, abs=0.0002)
    assert len({(tmp_path / "archive" / row["media"]).stat().st_ino for row in (rows | later).values()}) == 1
    assert check(Archive(tmp_path / "archive")) == (4, [])


def test_a_section_that_had_to_be_the_whole_file_serves_the_other_segments(site: Site, tmp_path: Path) -> None:
    clips = [clip(1, 4.0), clip(1, 7.0), clip(1, 11.5)]
    fill(site.folder, clips[:1])
    site.faults[clips[0].video_id] = "no_range"
    fetch(clips[:1], site.url, tmp_path / "archive")
    n_requests = site.requests.total()
    rows = fetch(clips, site.url, tmp_path / "archive")
    assert [row["outcome"] for row in rows.values()] == ["ok", "ok", "too_short"]
    assert site.requests.total() == n_requests


def test_a_dead_video_is_asked_for_once_for_all_its_segments(site: Site, tmp_path: Path) -> None:
    clips = [clip(1, start) for start in (0.0, 4.0, 8.0)]
    site.faults[clips[0].video_id] = 404
    rows = fetch(clips[:2], site.url, tmp_path / "archive") | fetch(clips[2:], site.url, tmp_path / "archive")
    assert [row["outcome"] for row in rows.values()] == ["not_found"] * 3
    assert site.requests.total() == 1
    known = [Archive(tmp_path / "archive").read(one.clip_id) for one in clips]
    assert [(one.tries, one.note) for one in known if one] == [(1, ""), (0, f"as {clips[0].clip_id}"), (0, f"as {clips[0].clip_id}")]  # fmt: skip


def test_the_segments_of_a_video_that_refuses_are_not_written_off(site: Site, tmp_path: Path) -> None:
    clips = [clip(1, 0.0), clip(1, 4.0)]
    fill(site.folder, clips[1:])
    site.faults[clips[0].video_id] = [503]
    rows = fetch(clips, site.url, tmp_path / "archive", tries=1)
    assert [row["outcome"] for row in rows.values()] == ["server_error", "ok"]


def test_a_longer_stretch_is_not_served_by_the_section_of_a_shorter_one(site: Site, tmp_path: Path) -> None:
    short = clip(1)
    longer = Clip(short.clip_id, short.video_id, 4.0, 11.0)
    fill(site.folder, [short])
    fetch([short], site.url, tmp_path / "archive")
    n_requests = site.requests.total()
    row = fetch([longer], site.url, tmp_path / "archive", min_seconds=7.0)[longer.clip_id]
    assert row["outcome"] == "ok"
    assert site.requests.total() == 2 * n_requests
    fetch([short], site.url, tmp_path / "archive")
    assert site.requests.total() == 2 * n_requests


def test_asking_for_a_longer_stretch_loses_nothing_of_the_shorter_one(site: Site, tmp_path: Path) -> None:
    short = clip(1)
    longer = Clip(short.clip_id, short.video_id, 4.0, 11.0)
    fill(site.folder, [short])
    first = fetch([short], site.url, tmp_path / "archive")[short.clip_id]
    for fault, outcome in ((503, "server_error"), (404, "ok")):
        site.faults[short.video_id] = fault
        row = fetch([longer], site.url, tmp_path / "archive", tries=1)[longer.clip_id]
        assert (row["outcome"], row["media"], row["sha256"]) == (outcome, first["media"], first["sha256"])
        assert check(Archive(tmp_path / "archive")) == (1, [])
    n_requests = site.requests.total()
    for one in (short, longer):
        assert fetch([one], site.url, tmp_path / "archive")[one.clip_id]["outcome"] == "ok"
    assert site.requests.total() == n_requests


JOB = """
import sys
from pathlib import Path
from tests.site.downloads import clip, fetch
print(len(fetch([clip(n) for n in range(int(sys.argv[3]))], sys.argv[1], Path(sys.argv[2]), tries=1)))
"""


def job(url: str, root: Path, n_clips: int) -> "subprocess.Popen[bytes]":
    """A download job in a process of its own."""
    scripts = Path(downloading.__file__).resolve().parents[2]
    path = os.pathsep.join([str(scripts), str(scripts.parent)])
    return subprocess.Popen(
        [sys.executable, "-c", JOB, url, str(root), str(n_clips)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip


def test_two_jobs_that_want_the_same_clips_ask_once(site: Site, tmp_path: Path) -> None:
    clips = [clip(number) for number in range(8)]
    fill(site.folder, clips)
    fetch(clips, site.url, tmp_path / "alone")
    n_requests = site.requests.total()
    jobs = [job(site.url, tmp_path / "archive", len(clips)) for _ in range(2)]
    assert [one.communicate()[0] for one in jobs] == [b"8\n", b"8\n"]
    assert site.requests.total() == 2 * n_requests


def test_an_interrupted_job_ends_at_once_and_writes_nothing_off(site: Site, tmp_path: Path) -> None:
    site.faults = {clip(number).video_id: "drip" for number in range(4)}
    one = job(site.url, tmp_path / "archive", 4)
    give_up = time.monotonic() + 30
    while site.requests.total() < 2 and time.monotonic() < give_up:
        time.sleep(0.05)
    began = time.monotonic()
    one.send_signal(signal.SIGINT)
    one.communicate()
    assert time.monotonic() - began < 20, "it would have taken ten minutes"
    assert list((tmp_path / "archive").rglob("-video*.json")) == []
    assert list((tmp_path / "archive" / "tmp").iterdir()) == []


def test_a_dead_clip_is_asked_for_once_and_never_again(site: Site, tmp_path: Path) -> None:
    one = clip(1)
    site.faults[one.video_id] = 404
    for _ in range(2):
        assert fetch([one], site.url, tmp_path / "archive")[one.clip_id]["outcome"] == "not_found"
    assert site.requests[one.video_id] == 1
    fetch([one], site.url, tmp_path / "archive", {"retry_permanent": True})
    assert site.requests[one.video_id] == 2


def test_a_clip_that_is_gone_from_one_address_is_asked_for_at_another(site: Site, tmp_path: Path) -> None:
    one = clip(1)
    fill(site.folder, [one], "webm")
    assert fetch([one], site.url, tmp_path / "archive")[one.clip_id]["outcome"] == "not_found"
    rows = fetch([one], site.url.replace("m4a", "webm"), tmp_path / "archive")
    assert rows[one.clip_id]["outcome"] == "ok"


@pytest.mark.parametrize("tries", [1, 3])
def test_what_is_corrupt_is_asked_for_once_more_and_then_never_again(tries: int, site: Site, tmp_path: Path) -> None:
    one = clip(1)
    site.faults[one.video_id] = "page"
    (site.folder / f"{one.video_id}.m4a").touch()
    for _ in range(3):
        assert fetch([one], site.url, tmp_path / "archive", tries=tries)[one.clip_id]["outcome"] == "corrupt"
    assert site.requests[one.video_id] == 2
    known = Archive(tmp_path / "archive").read(one.clip_id)
    assert known is not None
    assert known.tries == 2


def test_what_is_there_is_never_fetched_twice(site: Site, tmp_path: Path) -> None:
    clips = [clip(1), clip(2)]
    fill(site.folder, clips)
    first = fetch(clips, site.url, tmp_path / "archive")
    n_requests = site.requests.total()
    assert fetch(clips, site.url, tmp_path / "archive") == first
    assert site.requests.total() == n_requests


def test_a_passing_failure_is_tried_again_in_the_same_job(site: Site, tmp_path: Path) -> None:
    one = clip(1)
    fill(site.folder, [one])
    site.faults[one.video_id] = [503, 503]
    assert fetch([one], site.url, tmp_path / "archive", tries=3)[one.clip_id]["outcome"] == "ok"


def test_a_job_with_clips_that_may_still_come_fails_and_keeps_what_it_got(site: Site, tmp_path: Path) -> None:
    clips = [clip(1), clip(2)]
    fill(site.folder, clips)
    site.faults[clips[1].video_id] = 503
    with pytest.raises(DownloadError, match=r"1 of 2 clips could not be fetched yet \(1 server_error\)"):
        fetch(clips, site.url, tmp_path / "archive", tries=2, on_transient="fail")
    site.faults.clear()
    before = site.requests[clips[0].video_id]
    rows = fetch(clips, site.url, tmp_path / "archive", on_transient="fail")
    assert [row["outcome"] for row in rows.values()] == ["ok", "ok"]
    assert site.requests[clips[0].video_id] == before


def test_a_blocked_session_stops_asking_and_so_do_the_others(site: Site, tmp_path: Path) -> None:
    clips = [clip(number) for number in range(20)]
    site.faults = {one.video_id: 429 for one in clips}
    with pytest.raises(DownloadError, match="run the same command again after"):
        fetch(clips, site.url, tmp_path / "archive", on_transient="fail", block_after=3, concurrency=1)
    assert site.requests.total() == 3
    with pytest.raises(DownloadError, match="refuses us"):
        fetch([clip(99)], site.url, tmp_path / "archive", on_transient="fail")
    assert site.requests.total() == 3


@pytest.fixture
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a second."""
    monkeypatch.setattr("soundsift.media.pace.SHORTEST_BLOCK_SECONDS", 1.0)
    monkeypatch.setattr("soundsift.media.breaker.BLOCK_SECONDS", 1.0)


def test_who_waits_through_a_block_asks_for_nothing_meanwhile_and_then_gets_everything(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short_blocks: None
) -> None:
    clips = [clip(number) for number in range(8)]
    fill(site.folder, clips)
    site.faults = {one.video_id: 429 for one in clips}
    asked: list[int] = []

    def let_in(seconds: float) -> None:
        asked.append(site.requests.total())
        # refused twice in a row: a block is no try, however many there are
        if len(asked) == 2:
            site.faults.clear()
        time.sleep(seconds)

    monkeypatch.setattr(breaker, "time", SimpleNamespace(sleep=let_in, time=time.time))
    rows = fetch(clips, site.url, tmp_path / "archive", block_after=3, concurrency=1, tries=1, wait_when_blocked=True)
    assert {row["outcome"] for row in rows.values()} == {"ok"}
    assert asked == [3, 6]


def test_clips_that_are_always_refused_keep_nobody_waiting_for_ever(
    site: Site, tmp_path: Path, short_blocks: None
) -> None:
    clips = [clip(number) for number in range(9)]
    fill(site.folder, clips)
    site.faults = {one.video_id: 403 for one in clips[::2]}
    rows = fetch(clips, site.url, tmp_path / "archive", block_after=3, concurrency=1, tries=2, wait_when_blocked=True)
    assert [row["outcome"] for row in rows.values()] == ["forbidden", "ok"] * 4 + ["forbidden"]


def test_what_stays_unrecognised_fails_no_later_run(site: Site, tmp_path: Path) -> None:
    clips = [clip(number) for number in range(9)]
    fill(site.folder, clips)
    site.faults = {one.video_id: 418 for one in clips[:6]}
    for _ in range(2):
        rows = fetch(clips, site.url, tmp_path / "archive")
        assert [row["outcome"] for row in rows.values()] == ["unrecognised"] * 6 + ["ok"] * 3


@pytest.mark.parametrize(("status", "n_clips", "is_said"), [(418, 1, True), (404, 1, False), (404, 3, True)])
def test_a_small_batch_without_a_clip_is_said_too(
    status: int, n_clips: int, is_said: bool, site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clips = [clip(number) for number in range(n_clips)]
    site.faults = {one.video_id: status for one in clips}
    fetch(clips, site.url, tmp_path / "archive", on_transient="fail")
    assert any(f"none of the {n_clips} clips of this batch is there" in line for line in caplog.messages) == is_said


def test_files_on_disk_are_read_while_a_site_refuses(site: Site, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    Pace(tmp_path / "archive").block("another list", 60.0)
    clips = [clip(1), clip(2)]
    fill(site.folder, clips[:1])
    rows = fetch(clips, f"file://{site.folder}/{{video_id}}.m4a", tmp_path / "archive", wait_when_blocked=True)
    assert [row["outcome"] for row in rows.values()] == ["ok", "not_found"]


def test_refusals_of_the_same_clips_again_and_again_trip_no_breaker(site: Site, tmp_path: Path) -> None:
    clips = [clip(number) for number in range(8)]
    fill(site.folder, clips)
    site.faults = {one.video_id: 403 for one in clips[6:]}
    rows = fetch(clips, site.url, tmp_path / "archive", tries=4)
    assert [row["outcome"] for row in rows.values()] == ["ok"] * 6 + ["forbidden"] * 2
    assert Pace(tmp_path / "archive").blocked() is None


def test_a_blocked_session_writes_off_no_clip_that_was_not_asked_for(site: Site, tmp_path: Path) -> None:
    clips = [clip(number) for number in range(9)]
    site.faults = {one.video_id: 429 for one in clips}
    with pytest.raises(DownloadError, match=r"9 of 9 clips could not be fetched yet.*the source refuses us"):
        fetch(clips, site.url, tmp_path / "archive", block_after=3, on_transient="record")


def test_a_mistake_that_makes_every_clip_fail_fails_the_job(site: Site, tmp_path: Path) -> None:
    clips = [clip(number) for number in range(6)]
    fill(site.folder, clips)
    with pytest.raises(DownloadError, match=r"of 5 clips that were asked for, 5 no_formats \(.+\): check"):
        fetch(clips, site.url, tmp_path / "archive", yt_dlp={"format": "bogus"})
    rows = fetch(clips, site.url, tmp_path / "archive")
    assert {row["outcome"] for row in rows.values()} == {"ok"}


@pytest.mark.parametrize("concurrency", [1, 4])
def test_no_more_is_asked_than_leads_to_a_block_however_many_ask_at_once(
    concurrency: int, site: Site, tmp_path: Path
) -> None:
    clips = [clip(number) for number in range(30)]
    site.faults = {one.video_id: 403 for one in clips}
    with pytest.raises(DownloadError):
        fetch(clips, site.url, tmp_path / "archive", block_after=5, concurrency=concurrency)
    assert site.requests.total() == 5


def test_a_short_block_stops_the_job_that_tripped_it_all_the_same(site: Site, tmp_path: Path) -> None:
    clips = [clip(number) for number in range(12)]
    site.faults = {one.video_id: (429, 1) for one in clips}
    with pytest.raises(DownloadError):
        fetch(clips, site.url, tmp_path / "archive", block_after=4, concurrency=1, tries=4)
    assert site.requests.total() == 4


def test_an_option_that_yt_dlp_does_not_take_is_the_configurations_mistake(site: Site, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"yt-dlp cannot be started \(.*\): correct download.yt_dlp"):
        fetch([clip(1)], site.url, tmp_path / "archive", yt_dlp={"compat_opts": 3})
    assert not list((tmp_path / "archive").rglob("-video*.json"))


def test_jobs_of_one_clip_each_trip_the_breaker_together(site: Site, tmp_path: Path) -> None:
    clips = [clip(number) for number in range(6)]
    site.faults = {one.video_id: 429 for one in clips}
    for one in clips:
        with contextlib.suppress(DownloadError):
            fetch([one], site.url, tmp_path / "archive", block_after=3, tries=1)
    assert site.requests.total() == 3


def test_a_server_that_says_when_to_come_back_is_asked_then(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(downloading.time, "sleep", pauses.append)
    one = clip(1)
    fill(site.folder, [one])
    site.faults[one.video_id] = [(429, 7), (503, "Wed, 21 Oct 2015 07:28:00 GMT")]
    assert fetch([one], site.url, tmp_path / "archive", tries=3, concurrency=1)[one.clip_id]["outcome"] == "ok"
    assert max(pauses) == 7.0


def test_a_server_that_wants_an_hour_of_peace_gets_it_from_every_job(site: Site, tmp_path: Path) -> None:
    clips = [clip(1), clip(2)]
    site.faults = {one.video_id: (503, 3600) for one in clips}
    with pytest.raises(DownloadError, match="left alone for 3600 s.*run the same command again after"):
        fetch(clips, site.url, tmp_path / "archive", on_transient="fail")
    n_requests = site.requests.total()
    with pytest.raises(DownloadError):
        fetch([clip(3)], site.url, tmp_path / "archive")
    assert site.requests.total() == n_requests == 2


def test_a_server_that_wants_peace_is_heard_in_the_last_round_too(site: Site, tmp_path: Path) -> None:
    one = clip(1)
    site.faults[one.video_id] = (503, 3600)
    fetch([one], site.url, tmp_path / "archive", tries=1)
    with pytest.raises(DownloadError, match="left alone for 3600 s"):
        fetch([one], site.url, tmp_path / "archive", tries=1, on_transient="fail")
    assert site.requests.total() == 1


def test_what_is_corrupt_after_other_failures_is_asked_for_once_more_all_the_same(site: Site, tmp_path: Path) -> None:
    one = clip(1)
    fill(site.folder, [one])
    site.faults[one.video_id] = [503, 503, "page"]
    assert fetch([one], site.url, tmp_path / "archive", tries=4)[one.clip_id]["outcome"] == "ok"


def test_a_process_that_was_killed_from_outside_is_started_again(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = clip(1)
    fill(site.folder, [one])
    starts = Fetcher.start
    killed = []

    def start_and_die(fetcher: Fetcher) -> None:
        starts(fetcher)
        if not killed:
            killed.append(fetcher.kill())

    monkeypatch.setattr(Fetcher, "start", start_and_die)
    assert fetch([one], site.url, tmp_path / "archive", tries=3)[one.clip_id]["outcome"] == "ok"
    assert killed


@pytest.mark.parametrize("ending", ["m4a", "webm", "mp4"])
def test_a_source_whose_time_begins_later_is_placed_all_the_same(ending: str, site: Site, tmp_path: Path) -> None:
    one = clip(1)
    fill(tmp_path, [one], ending)
    path = site.folder / f"{one.video_id}.{ending}"
    with av.open(str(tmp_path / path.name)) as old, av.open(str(path), "w") as new:
        copies = {stream: new.add_stream_from_template(stream) for stream in old.streams}
        for packet in old.demux():
            if packet.pts is not None:
                packet.pts += round(0.5 / packet.time_base)
                packet.dts += round(0.5 / packet.time_base)
                packet.stream = copies[packet.stream]
                new.mux(packet)
    for sections in (True, False):
        root = tmp_path / f"archive{sections}"
        row = fetch([one], site.url.replace("m4a", ending), root, {"sections": sections})[one.clip_id]
        assert onset_seconds(row, root) == pytest.approx(1.0, abs=0.06), sections


def test_an_archive_may_have_any_name(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = clip(1)
    fill(site.folder, [one])
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name in ("~", "$HOME", "100% {a} 'b'"):
        row = fetch([one], site.url, Path(name) / "archive")[one.clip_id]
        assert (Path(name) / "archive" / row["media"]).resolve().is_relative_to((tmp_path / name).resolve())
        assert check(Archive(Path(name) / "archive")) == (1, [])
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize("fault", ["drip", "stall"])
@pytest.mark.parametrize("sections", [True, False])
def test_a_transfer_that_would_never_end_is_ended_and_the_others_go_on(
    sections: bool, fault: str, site: Site, tmp_path: Path
) -> None:
    clips = [clip(1), clip(2)]
    fill(site.folder, clips)
    site.faults[clips[0].video_id] = fault
    began = time.monotonic()
    policy = {"tries": 1, "timeout_seconds": 4, "concurrency": 1}
    rows = fetch(clips, site.url, tmp_path / "archive", {"sections": sections}, **policy)
    assert [row["outcome"] for row in rows.values()] == ["timeout", "ok"]
    assert "download.timeout_seconds (4)" in rows[clips[0].clip_id]["reason"]
    assert time.monotonic() - began < 60, "it would have taken 100 seconds, and then failed"
    assert list((tmp_path / "archive" / "tmp").iterdir()) == []


@pytest.mark.parametrize("handler", ["requests", "urllib"])
def test_a_redirect_is_followed_without_reading_its_body(handler: str, site: Site, tmp_path: Path) -> None:
    one = clip(1)
    fill(site.folder, [one])
    site.faults[one.video_id] = ["long redirect"]
    yt_dlp = {"compat_opts": ["prefer-legacy-http-handler"]} if handler == "urllib" else {}
    row = fetch([one], site.url, tmp_path / "archive", tries=1, yt_dlp=yt_dlp)[one.clip_id]
    assert row["outcome"] == "ok", row["reason"]
    # all of it are 32 MB
    assert site.sent[one.video_id] < 16_000_000


def test_a_file_that_grows_too_large_is_given_up_until_the_limit_is_raised(site: Site, tmp_path: Path) -> None:
    one = clip(1)
    fill(site.folder, [one])
    site.faults[one.video_id] = "stream"
    source = {"sections": False, "max_megabytes": 1.0}
    row = fetch([one], site.url, tmp_path / "archive", source)[one.clip_id]
    assert (row["outcome"], row["media"]) == ("unavailable", "")
    assert "larger than download.max_megabytes (1)" in row["reason"]
    n_requests = site.requests.total()
    assert fetch([one], site.url, tmp_path / "archive", source)[one.clip_id]["outcome"] == "unavailable"
    assert site.requests.total() == n_requests
    site.faults.clear()
    raised = fetch([one], site.url, tmp_path / "archive", source | {"max_megabytes": 2.0})
    assert raised[one.clip_id]["outcome"] == "ok"


def test_a_large_file_without_an_index_costs_a_limited_number_of_requests(site: Site, tmp_path: Path) -> None:
    one = clip(1, start=260.0)
    samples = (np.random.default_rng(0).normal(size=280 * 48_000) * 3000).astype(np.int16)
    options = {"movflags": "frag_keyframe+delay_moov+default_base_moof", "frag_duration": "8000000"}
    with av.open(str(site.folder / f"{one.video_id}.m4a"), "w", format="mp4", options=options) as file:
        encode.encode(file, "aac", {"b": "256k", "aac_coder": "fast"}, samples, 48_000)
    size = (site.folder / f"{one.video_id}.m4a").stat().st_size
    source = {"max_megabytes": size / 1e6 - 0.1}
    row = fetch([one], site.url, tmp_path / "archive", source)[one.clip_id]
    assert (row["outcome"], row["media"]) == ("unavailable", "")
    assert "larger than download.max_megabytes" in row["reason"]
    # one is that of yt-dlp's extractor
    assert site.requests.total() <= MOST_REQUESTS + 1
    row = fetch([one], site.url, tmp_path / "archive", {"max_megabytes": size / 1e6 + 0.1})[one.clip_id]
    assert row["outcome"] == "ok"
    assert row["media_start_seconds"] == 0.0


def test_a_file_that_came_before_anyone_looked_may_be_too_large_and_its_section_small_enough(
    site: Site, tmp_path: Path
) -> None:
    one = clip(1)
    fill(site.folder, [one])
    source = {"sections": False, "max_megabytes": 0.08}
    assert fetch([one], site.url, tmp_path / "archive", source)[one.clip_id]["outcome"] == "unavailable"
    row = fetch([one], site.url, tmp_path / "archive", source | {"sections": True})[one.clip_id]
    assert row["outcome"] == "ok"


def test_retrying_the_dead_asks_once_a_video(site: Site, tmp_path: Path) -> None:
    clips = [clip(1, start) for start in (0.0, 4.0, 8.0)]
    for _ in range(2):
        fetch(clips, site.url, tmp_path / "archive", {"retry_permanent": True})
    assert site.requests.total() == 2


def wait_until_gone(processes: list[int]) -> None:
    give_up = time.monotonic() + 30
    for process in processes:
        state = Path(f"/proc/{process}/stat")
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            while state.read_text().rsplit(")", 1)[1].split()[0] != "Z":
                assert time.monotonic() < give_up, f"{process} is still there"
                time.sleep(0.05)


def test_the_process_that_is_forked_has_no_threads() -> None:
    fetcher = Fetcher({}, 600, 200)
    fetcher.start()
    fetcher.close()
    assert ytdlp_process._WARM._process
    assert len(os.listdir(f"/proc/{ytdlp_process._WARM._process.pid}/task")) == 1


def test_a_process_gets_the_exit_status_of_what_it_starts() -> None:
    # an ignored SIGCHLD makes every exit status 0
    fetcher = Fetcher({}, 600, 200)
    fetcher.start()
    ignored = re.search(r"SigIgn:\s*(\w+)", Path(f"/proc/{fetcher._pid}/status").read_text())
    fetcher.close()
    assert ignored
    assert not int(ignored[1], 16) >> (signal.SIGCHLD - 1) & 1


def test_each_process_has_the_environment_and_the_log_of_its_start(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [clip(1), clip(2)]
    fill(site.folder, clips)
    for proxy, outcome in (("http://127.0.0.1:1", "network"), ("", "ok")):
        monkeypatch.setenv("http_proxy", proxy)
        rows = fetch(clips, site.url, tmp_path / f"archive{outcome}", tries=1)
        assert [row["outcome"] for row in rows.values()] == [outcome] * 2
    terminal = os.dup(2)
    for name in ("first.log", "second.log"):
        fetcher = Fetcher({}, 600, 200)
        with open(tmp_path / name, "w") as log:
            os.dup2(log.fileno(), 2)
            try:
                fetcher.start()
            finally:
                os.dup2(terminal, 2)
        assert {os.readlink(f"/proc/{fetcher._pid}/fd/{fd}") for fd in (1, 2)} == {str(tmp_path / name)}
        fetcher.close()
    os.close(terminal)


def test_a_warm_process_that_was_killed_is_started_again_and_takes_its_forks_with_it(
    site: Site, tmp_path: Path
) -> None:
    one = clip(1)
    fill(site.folder, [one])
    fetcher = Fetcher({}, 600, 200)
    fetcher.start()
    assert ytdlp_process._WARM._process
    ytdlp_process._WARM._process.kill()
    ytdlp_process._WARM._process.wait()
    wait_until_gone([fetcher._pid])
    fetcher.close()
    assert fetch([one], site.url, tmp_path / "archive")[one.clip_id]["outcome"] == "ok"


def test_a_program_that_ends_leaves_no_process_and_no_folder_behind(tmp_path: Path) -> None:
    code = (
        "from soundsift.media.sources import ytdlp_process as y\n"
        "fetchers = [y.Fetcher({}, 600, 200) for _ in range(3)]\n"
        "for f in fetchers: f.start()\n"
        "fetchers[0].close()\n"
        "print(y._WARM._process.pid, *(f._pid for f in fetchers[1:]))"
    )
    scripts = str(Path(downloading.__file__).resolve().parents[2])
    environment = os.environ | {"PYTHONPATH": scripts, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    wait_until_gone([int(pid) for pid in done.stdout.split()])
    assert list(tmp_path.iterdir()) == []


def test_a_process_whose_asker_was_killed_ends_itself(site: Site, tmp_path: Path) -> None:
    one = clip(1)
    site.faults[one.video_id] = "drip"
    code = (
        "import sys; from pathlib import Path; from soundsift.media.sources.ytdlp_process import Fetcher\n"
        "from soundsift.media.sources.ytdlp_process import _WARM\n"
        "f = Fetcher({}, 600, 200); f.start(); print(f._pid, _WARM._process.pid, flush=True)\n"
        f"f.fetch({fill_template(site.url, one)!r}, (4, 8), None, False, Path({str(tmp_path)!r}))"
    )
    scripts = str(Path(downloading.__file__).resolve().parents[2])
    asker = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": scripts}
    )
    assert asker.stdout
    processes = [int(pid) for pid in asker.stdout.readline().split()]
    give_up = time.monotonic() + 30
    while not site.requests.total() and time.monotonic() < give_up:
        time.sleep(0.05)
    asker.kill()
    asker.communicate()
    assert len(processes) == 2
    wait_until_gone(processes)


def test_files_of_the_user_are_no_modules(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = clip(1)
    fill(site.folder, [one])
    for name in ("socks.py", "yt_dlp.py", "brotli.py"):
        (tmp_path / name).write_text("raise SystemExit('this file is the user's own')")
    monkeypatch.chdir(tmp_path)
    ytdlp_process._WARM._end()
    assert fetch([one], site.url, tmp_path / "archive")[one.clip_id]["outcome"] == "ok"


def test_a_section_that_came_out_wrong_is_noted(site: Site, tmp_path: Path) -> None:
    one = clip(1)
    fill(site.folder, [one])
    site.faults[one.video_id] = "no_range"
    row = fetch([one], site.url, tmp_path / "archive")[one.clip_id]
    record = json.loads((tmp_path / "archive" / row["media"]).with_suffix(".json").read_text())
    assert record["note"] == "the section was unusable: the whole file was fetched"


def test_too_short_and_mute_media_are_found_out_at_once(site: Site, tmp_path: Path) -> None:
    short, mute = clip(1, start=11.5), clip(2)
    fill(site.folder, [short])
    write_media(site.folder / f"{mute.video_id}.mp4", None, picture=True)
    (site.folder / f"{mute.video_id}.mp4").rename(site.folder / f"{mute.video_id}.m4a")
    rows = fetch([short, mute], site.url, tmp_path / "archive")
    assert rows[short.clip_id]["outcome"] == "too_short"
    assert rows[mute.clip_id]["outcome"] == "no_audio"


def test_a_record_says_what_was_got_and_with_what(site: Site, tmp_path: Path) -> None:
    one = clip(1)
    fill(site.folder, [one])
    row = fetch([one], site.url, tmp_path / "archive")[one.clip_id]
    record = json.loads((tmp_path / "archive" / row["media"]).with_suffix(".json").read_text())
    assert record["url"].endswith(f"/{one.video_id}.m4a")
    assert record["sha256"] == row["sha256"]
    assert record["tries"] == 1
    assert set(record["tools"]) == {"yt-dlp", "av"}
    assert list((tmp_path / "archive" / "tmp").iterdir()) == []


def test_a_full_disk_stops_the_job_with_one_line(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = clip(1)
    fill(site.folder, [one])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ArchiveWriter, "write", full)
    with pytest.raises(DownloadError, match="No space left on device"):
        fetch([one], site.url, tmp_path / "archive")


@pytest.mark.parametrize("name", ["pace.json", "pace.lock", "videos.lock"])
def test_a_folder_in_the_place_of_shared_state_is_one_line(name: str, site: Site, tmp_path: Path) -> None:
    (tmp_path / "archive" / name).mkdir(parents=True)
    fill(site.folder, [clip(1)])
    site.faults[clip(1).video_id] = (429, "7200")
    with pytest.raises(DownloadError, match=r"^the archive \S+ cannot be written .*Is a directory") as error:
        fetch([clip(1)], site.url, tmp_path / "archive", tries=1)
    assert "\n" not in str(error.value)


def test_media_taken_for_the_whole_video_are_not_taken_for_the_labelled_stretch(site: Site, tmp_path: Path) -> None:
    one = clip(1)
    fill(site.folder, [one])
    assert fetch([one], site.url, tmp_path / "archive")[one.clip_id]["media_start_seconds"] == pytest.approx(
        3.0, abs=0.05
    )
    again = fetch([one], site.url, tmp_path / "archive", {"trimmed": True})[one.clip_id]
    assert again["media_start_seconds"] == one.start_seconds


def test_a_clip_that_was_too_short_is_asked_for_again_if_less_is_enough(site: Site, tmp_path: Path) -> None:
    short = clip(1, start=10.5)
    fill(site.folder, [short])
    assert fetch([short], site.url, tmp_path / "archive", min_seconds=3.0)[short.clip_id]["outcome"] == "too_short"
    n_requests = site.requests.total()
    assert fetch([short], site.url, tmp_path / "archive", min_seconds=2.0)[short.clip_id]["outcome"] == "too_short"
    assert site.requests.total() == n_requests
    assert fetch([short], site.url, tmp_path / "archive", min_seconds=1.0)[short.clip_id]["outcome"] == "ok"
