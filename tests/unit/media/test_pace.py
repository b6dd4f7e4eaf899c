import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from soundsift.errors import InputError
from soundsift.media import pace, pace_state
from soundsift.media.pace import Pace, client_of
from soundsift.media.pace_state import blocks

HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    monkeypatch.setattr(pace_state, "time", clock)
    return clock


def turns(one: Pace, clock: Clock, seconds: float, videos_per_hour: float, step: float = 0.5) -> list[float]:
    """Return the times at which turns are granted to a caller that asks without pause, in seconds from now."""
    began, found = clock.now, []
    while clock.now < began + seconds:
        if one.take_turn(videos_per_hour) == 0:
            found.append(clock.now - began)
        else:
            clock.now += step
    return found


def test_turns_are_spaced_over_all_that_share_an_archive(tmp_path: Path, clock: Clock) -> None:
    one, other = Pace(tmp_path), Pace(tmp_path)
    assert [one.take_turn(360), other.take_turn(360), one.take_turn(360)] == [0, 10, 10]
    clock.now += 10
    assert [other.take_turn(360), one.take_turn(360)] == [0, 10]


def test_a_pause_is_no_credit_for_a_burst_and_a_little_late_is_not_lost(tmp_path: Path, clock: Clock) -> None:
    one = Pace(tmp_path)
    assert one.take_turn(360) == 0
    clock.now += 3600
    assert turns(one, clock, 60, 360) == [0, 10, 20, 30, 40, 50]
    assert len(turns(one, clock, 1000, 360, step=0.7)) == 100


def test_what_a_lower_limit_had_put_off_does_not_hold_once_it_is_raised(tmp_path: Path, clock: Clock) -> None:
    one = Pace(tmp_path)
    assert [one.take_turn(1), one.take_turn(1)] == [0, 3600]
    assert one.take_turn(3600) == 1
    clock.now -= 1e6  # a clock that was ahead
    assert one.take_turn(3600) == 1


def test_a_block_holds_for_the_cookies_proxy_and_options_that_were_refused(tmp_path: Path, clock: Clock) -> None:
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("old")
    refused = client_of(str(cookies), None, {})
    Pace(tmp_path, "a", refused).block("no", 600)
    assert Pace(tmp_path, "a", client_of(str(cookies), None, {})).blocked()
    assert Pace(tmp_path).blocked()
    options = [(None, None, {}), (str(cookies), "http://b", {}), (str(cookies), None, {"a": 1})]
    for other in (client_of(*one) for one in options):
        assert Pace(tmp_path, "a", other).blocked() is None
    cookies.write_text("new")
    assert Pace(tmp_path, "a", client_of(str(cookies), None, {})).blocked() is None


def test_each_host_and_client_has_a_block_and_counts_of_its_own(tmp_path: Path, clock: Clock) -> None:
    one, other = Pace(tmp_path, "one.org", "me"), Pace(tmp_path, "other.org:80", "me")
    one.count_refusal("a", "one says no", 2, HOUR, HOUR)
    other.forget_refusals()
    assert other.count_refusal("a", "other says no", 2, 60, HOUR) == (False, 1)
    assert one.count_refusal("b", "one says no", 2, HOUR, HOUR) == (True, 2)
    assert other.blocked() is None
    other.block("other says no", 60)
    assert one.blocked() == (clock.now + HOUR, "one says no")
    assert other.blocked() == (clock.now + 60, "other says no")
    assert blocks(tmp_path) == [
        ("one.org", clock.now + HOUR, "one says no"),
        ("other.org:80", clock.now + 60, "other says no"),
    ]
    clock.now += 61
    assert [host for host, _, _ in blocks(tmp_path)] == ["one.org"]
    Pace(tmp_path).block("everyone says no", 2 * HOUR)
    assert other.blocked() == (clock.now + 2 * HOUR, "everyone says no")


def test_answers_that_are_not_understood_are_counted_over_all_jobs_until_media_come(
    tmp_path: Path, clock: Clock
) -> None:
    one, other = Pace(tmp_path, "a"), Pace(tmp_path, "a")
    one.count_unrecognised("a", HOUR)
    other.count_unrecognised("b", HOUR)
    one.count_unrecognised("a", HOUR)
    one.count_refusal("b", "no formats", 5, None, HOUR)
    one.count_refusal("c", "no formats", 5, None, HOUR)
    one.count_refusal("d", "refused", 5, HOUR, HOUR)
    assert other.n_not_understood(HOUR) == 3
    assert Pace(tmp_path, "b").n_not_understood(HOUR) == 0
    clock.now += HOUR + 1
    assert one.n_not_understood(HOUR) == 0
    one.count_unrecognised("a", HOUR)
    other.forget_refusals()
    assert one.n_not_understood(HOUR) == 0
    assert json.loads((tmp_path / "pace.json").read_text())["answers"] == {}


def test_without_a_rate_nobody_waits(tmp_path: Path, clock: Clock) -> None:
    one = Pace(tmp_path)
    assert [one.take_turn(None), one.take_turn(None), one.take_turn(360)] == [0, 0, 0]


def test_no_two_threads_of_a_job_are_given_the_same_turn(tmp_path: Path, clock: Clock) -> None:
    one = Pace(tmp_path)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            waits = list(pool.map(lambda _: one.take_turn(3600), range(160)))
    finally:
        sys.setswitchinterval(before)
    assert waits.count(0) == 1


def test_a_block_holds_for_all_that_share_an_archive_until_it_ends(tmp_path: Path, clock: Clock) -> None:
    one, other = Pace(tmp_path), Pace(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    assert other.blocked() is None
    assert one.count_refusal("a_0", "HTTP Error 429: Too Many Requests", 1, HOUR, HOUR) == (True, 1)
    assert other.blocked() == (clock.now + 3600, "HTTP Error 429: Too Many Requests")
    assert Pace(tmp_path / "elsewhere").blocked() is None
    clock.now += 3599
    assert other.blocked() is not None
    clock.now += 1
    assert other.blocked() is None


def test_clips_refused_in_a_row_are_counted_over_all_jobs_each_once_until_the_source_answers(
    tmp_path: Path, clock: Clock
) -> None:
    one, other = Pace(tmp_path), Pace(tmp_path)

    def refused(who: Pace, clip_id: str) -> tuple[bool, int]:
        return who.count_refusal(clip_id, "no", 3, 60, HOUR)

    assert [refused(one, "a"), refused(other, "b"), refused(one, "a"), refused(one, "b")] == [
        (False, 1), (False, 2), (False, 2), (False, 2),
    ]  # fmt: skip
    one.forget_refusals()
    assert [refused(other, "a"), refused(one, "b")] == [(False, 1), (False, 2)]
    assert other.blocked() is None
    assert refused(other, "c") == (True, 3)
    assert refused(one, "d") == (False, 1)
    assert one.blocked() == (clock.now + 60, "no")


def test_refusals_of_long_ago_do_not_count(tmp_path: Path, clock: Clock) -> None:
    one = Pace(tmp_path)
    for clip_id in ("a", "b", "c", "d"):
        assert one.count_refusal(clip_id, "no", 3, 60, HOUR)[0] is False
        clock.now += HOUR / 2 + 1
    assert one.blocked() is None
    # a clip that is refused again counts from then on
    assert one.count_refusal("d", "no", 3, 60, HOUR) == (False, 1)
    clock.now -= 1e6  # a clock that was ahead
    assert one.count_refusal("e", "no", 3, 60, HOUR) == (False, 1)


def test_clips_that_are_offered_no_formats_stop_a_job_and_block_nobody(tmp_path: Path, clock: Clock) -> None:
    one = Pace(tmp_path)
    found = [one.count_refusal(clip_id, "no", 3, None, HOUR) for clip_id in ("a", "b", "c")]
    assert found == [(False, 1), (False, 2), (True, 3)]
    assert [one.count_refusal(clip_id, "no", 3, 60, HOUR) for clip_id in ("d", "a")] == [(True, 4), (True, 4)]
    assert one.blocked() is None
    one.count_refusal("b", "no", 3, 60, HOUR)
    assert one.blocked() == (clock.now + 60, "no")


@pytest.mark.parametrize(("asked", "got"), [(0.0, 60.0), (300.0, 300.0), (1e11, 24 * 3600.0)])
def test_a_block_is_neither_a_moment_nor_for_ever(asked: float, got: float, tmp_path: Path, clock: Clock) -> None:
    one = Pace(tmp_path)
    one.count_refusal("a", "no", 1, asked, HOUR)
    assert one.blocked() == (clock.now + got, "no")


def test_a_block_from_a_clock_that_was_ahead_does_not_hold(tmp_path: Path, clock: Clock) -> None:
    one = Pace(tmp_path)
    one.block("no", 3600)
    clock.now -= 1e6
    assert one.blocked() is None


def test_a_block_and_a_turn_do_not_undo_each_other(tmp_path: Path, clock: Clock) -> None:
    one = Pace(tmp_path)
    one.take_turn(360)
    one.block("refused", 3600)
    assert one.take_turn(360) == 10
    assert one.blocked() is not None


@pytest.mark.parametrize(
    "text",
    [
        '{"next_tu', "[]", "null", "3", "", '{"next_turn": "soon"}', '{"answers": 5}', '{"answers": {"": 5}}',
        '{"answers": {"": {"refused_at": 5}}}', '{"answers": {"": {"no_formats_at": {"a": "b"}}}}',
        '{"answers": {"": {"blocked_until": "never"}}}', '{"blocked_until": 1e12, "blocked_reason": "earlier version"}',
    ],
)  # fmt: skip
def test_a_broken_state_is_begun_again(text: str, tmp_path: Path, clock: Clock) -> None:
    one = Pace(tmp_path)
    (tmp_path / "pace.json").write_text(text)
    assert one.blocked() is None
    assert one.count_refusal("a", "no", 2, 60, HOUR) == (False, 1)
    assert [one.take_turn(360), one.take_turn(360)] == [0, 10]


CLAIM = """
import sys, threading, time
from pathlib import Path
from soundsift.media.pace import Pace
with Pace(Path(sys.argv[1])).claim(sys.argv[2], threading.Event()):
    print("claimed", flush=True)
    time.sleep(60)
"""


def test_a_video_is_asked_for_by_one_job_at_a_time_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    scripts = str(Path(pace.__file__).resolve().parents[2])
    command = [sys.executable, "-c", CLAIM, str(tmp_path), "one"]
    job = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": scripts})
    assert job.stdout
    assert job.stdout.readline() == b"claimed\n"
    one, mine, stopped = Pace(tmp_path), threading.Event(), threading.Event()

    def claim() -> None:
        with one.claim("one", stopped) as free:
            assert free
            mine.set()

    waiting = threading.Thread(target=claim)
    waiting.start()
    with one.claim("another", stopped) as free:
        assert free
        assert not mine.wait(0.3)
    gave_up = threading.Event()
    gave_up.set()
    with one.claim("one", gave_up) as free:
        assert not free
    job.kill()
    job.communicate()
    assert mine.wait(10)
    waiting.join()


def test_a_file_system_without_locks_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(pace.fcntl, "lockf", refuse)
    with pytest.raises(InputError, match=r"gives no locks \(No locks available\): set download.archive"):
        Pace(tmp_path).blocked()
