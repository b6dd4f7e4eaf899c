"""Downloads over a local site: every fault with its outcome, and seconds a clip against one yt-dlp process a clip.

    python benchmarks/downloads.py [--clips 200]

The site serves media that are synthesised here. Times are of this machine; the two ways are measured in the same run.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from soundsift.archive import Archive  # noqa: E402
from soundsift.download import Manners, Source, download  # noqa: E402
from tests.site.downloads import clip, fill  # noqa: E402
from tests.site.site import Site  # noqa: E402

FAULTS = {
    "none": None, "404": 404, "410": 410, "403": 403, "429": 429, "429, Retry-After 2": [(429, 2)], "500": 500,
    "503, once": [503], "web page": "page", "empty": "empty", "no byte ranges": "no_range", "cut off": "cut",
    "hangs": "hang", "drips": "drip", "without end": "stream",
}  # fmt: skip


def faults(folder: Path) -> None:
    """Print what becomes of a clip behind every fault."""
    print(f"{'fault':20} {'outcome':14} {'requests':>8} {'seconds':>8}  in the archive")
    for number, (name, fault) in enumerate(FAULTS.items()):
        one = clip(number)
        with Site(folder / "site") as site:
            if fault is not None:
                site.faults[one.video_id] = fault
            archive = Archive(folder / f"fault{number}")
            manners = Manners(
                on_transient="record", tries=2, first_pause_seconds=0.1, timeout_seconds=8.0,
                yt_dlp={"socket_timeout": 5},
            )  # fmt: skip
            began = time.monotonic()
            row = download([one], Source(site.url, max_megabytes=2.0), manners, archive, 1.0).to_pylist()[0]
            seconds = time.monotonic() - began
            files = sorted(p.suffix for p in (archive.root / archive.folder(one.clip_id)).iterdir())
            left = list((archive.root / "tmp").iterdir())
            print(
                f"{name:20} {row['outcome']:14} {site.requests[one.video_id]:8} {seconds:8.1f}  "
                f"{' '.join(files)}{' and leftovers' if left else ''}"
            )


def many(folder: Path, n_clips: int) -> None:
    """Print seconds a clip over many clips of which a tenth is dead, and what the job needs as it goes on."""
    clips = [clip(number) for number in range(n_clips)]
    for one in clips:
        (folder / "site" / f"{one.video_id}.m4a").unlink(missing_ok=True)
        (folder / "site" / f"{one.video_id}.m4a").hardlink_to(folder / "medium.m4a")
    process = psutil.Process()
    with Site(folder / "site") as site:
        site.faults = {
            one.video_id: (404, 503, "page", "empty", "no_range")[i % 5] for i, one in enumerate(clips[::10])
        }
        for one in clips[10::50]:
            site.faults[one.video_id] = [503]  # passes
        manners = Manners(on_transient="record", first_pause_seconds=0.1)
        parts = [clips[i : i + 100] for i in range(0, n_clips, 100)]
        outcomes: Counter[str] = Counter()
        began = time.monotonic()
        for number, part in enumerate(parts):
            table = download(part, Source(site.url), manners, Archive(folder / "many"), 1.0)
            outcomes.update(table["outcome"].to_pylist())
            if number in (0, len(parts) - 1):
                megabytes, n_files = process.memory_info().rss / 1e6, process.num_fds()
                print(
                    f"after {(number + 1) * 100} clips: {megabytes:.0f} MB, {n_files} open files, "
                    f"{process.num_threads()} threads, {len(process.children())} children"
                )
        seconds = time.monotonic() - began
        dead = [one.video_id for one in clips if site.faults.get(one.video_id) == 404]
        requests = Counter(site.requests[video_id] for video_id in dead)
        print(f"{n_clips} clips, {seconds / n_clips:.3f} s a clip: {dict(outcomes)}")
        print(f"requests a dead clip: {dict(requests)}")
        before = site.requests.total()
        for part in parts:
            download(part, Source(site.url), Manners(on_transient="record", tries=1), Archive(folder / "many"), 1.0)
        asked = site.requests.total() - before
        open_ones = sum(n for outcome, n in outcomes.items() if outcome in ("server_error", "corrupt"))
        print(
            f"again: {asked} requests, {open_ones} clips were not there for a reason that may pass or were asked once"
        )


def each_by_itself(folder: Path, n_clips: int) -> None:
    """Print seconds a clip with a yt-dlp process a clip."""
    with Site(folder / "site") as site:
        began = time.monotonic()
        for number in range(n_clips):
            one = clip(number)
            command = [sys.executable, "-m", "yt_dlp", "--quiet", "-o", str(folder / f"by_itself{number}.%(ext)s")]
            subprocess.run([*command, one.url(site.url)], check=False, capture_output=True)
        print(
            f"a process a clip (whole files, one after the other): {(time.monotonic() - began) / n_clips:.3f} s a clip"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "site").mkdir()
        fill(folder / "site", [clip(number) for number in range(len(FAULTS))])
        fill(folder, [clip(0)])
        (folder / f"{clip(0).video_id}.m4a").rename(folder / "medium.m4a")
        faults(folder)
        print()
        many(folder, options.clips)
        each_by_itself(folder, 10)


if __name__ == "__main__":
    main()
