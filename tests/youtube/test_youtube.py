"""yt-dlp's own YouTube extractor, run by the project's fetching process, against the imitation.

    pytest tests/youtube -s

prints the table of the cases.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundsift.media import decode
from soundsift.metadata.batches import Clip
from tests.conftest import Once
from tests.site.downloads import fetch
from tests.youtube.cases import CASES, Case, Format
from tests.youtube.imitation import YouTube, make_certificate
from tests.youtube.media import RATE_HZ, shift_samples, write_layouts

URL = "https://www.youtube.com/watch?v={video_id}"
SOUNDS = {"right": 1, "wrong": 2}
TRAILER = Case("trailer itself", "ok", formats=(Format("m4a", sound="wrong"),))
# Cases that the package does not yet get right.
FAULTY = {
    "webm",
    "webm near a cue",
    "tv protected",
    "original only as opus",
    "original only in low quality",
    "original in mono",
    "legal complaint",
    "legal complaint 2",
    "premium",
    "payment",
    "trailer",
    "live",
    "processing",
    "page and players 429",
    "players 403",
    "players 429",
    "one player 429, the other without addresses",
    "players 503",
    "players 400",
    "players drop",
    "players hang",
    "players answer html",
    "no addresses",
    "protected",
    "no formats",
    "reload",
    "not on this app",
    "a field of the wrong type",
    "media cut",
    "media are a page",
    "media truncated",
}
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


@pytest.fixture(scope="session")
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
    yt_dlp = {"compat_opts": ["no-certifi"], "socket_timeout": 3.0, **options.pop("yt_dlp", {})}
    options = {"proxy": f"http://{youtube.address}", "tries": 1, **options}
    return fetch(clips, URL, root, yt_dlp=yt_dlp, **options)


def shift_of(row: dict[str, Any], root: Path, sound: str = "right") -> int | None:
    offset = row["media_start_seconds"]
    cut = decode.cut(root / row["media"], row["start_seconds"] - offset, row["end_seconds"] - offset, RATE_HZ)
    return shift_samples(np.array(cut.get_array_of_samples()), row["start_seconds"], SOUNDS[sound])


@pytest.fixture(scope="session")
def table(
    layouts: Path, certificate: Path, environment: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Rehearsed]:
    root = tmp_path_factory.mktemp("youtube") / "archive"
    clips = [clip_of(number, case) for number, case in enumerate(CASES)]
    with YouTube(layouts, certificate) as youtube:
        youtube.videos = {one.video_id: case for one, case in zip(clips, CASES, strict=True)}
        youtube.videos["the-trailer"] = TRAILER
        rows = ask(youtube, clips, root, block_after=10**6)
        found = {}
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
    return found


def marked(case: Case) -> Any:
    return pytest.param(case, id=case.name, marks=[pytest.mark.xfail(strict=True)] if case.name in FAULTY else [])


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_each_case_gets_its_outcome_and_each_clip_its_sound(case: Case, table: dict[str, Rehearsed]) -> None:
    one = table[case.name]
    assert one.row["outcome"] == case.outcome, one.row["reason"]
    if case.outcome == "ok":
        assert one.shift is not None, "another sound"
        assert abs(one.shift) <= case.most_shift
    else:
        assert one.row["reason"]
        assert one.row["media"] == ""


def test_there_are_cases_of_every_outcome_that_a_site_can_cause(table: dict[str, Rehearsed]) -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)
