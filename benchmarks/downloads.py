"""Download from a local site: outcomes of all faults, and behaviour under kills, blocks, rate limits and full disks.

    python benchmarks/downloads.py faults many breaker rate sharing exactness kills peers

The site serves synthetic media. Times depend on the machine; compared figures come from the same run.
"""

import argparse
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from soundsift.config.download import (
    RequestPolicy,
    SourceParams,
)
from soundsift.demo import RATE_HZ, make_demo
from soundsift.errors import DownloadError
from soundsift.media import decode
from soundsift.media.archive import Archive
from soundsift.media.archive_check import check
from soundsift.media.archive_writer import open_for_writing
from soundsift.media.download import download
from soundsift.media.pace import Pace
from soundsift.media.sources.base import fill_template
from tests.site.downloads import clip, fill
from tests.site.site import Site
from tests.workflow.project import Project

# name: (fault, expected outcome)
FAULTS: dict[str, tuple[Any, str]] = {
    "none": (None, "ok"),
    "404": (404, "not_found"),
    "410": (410, "not_found"),
    "403": (403, "forbidden"),
    "429": (429, "rate_limited"),
    "429, Retry-After 2, once": ([(429, 2)], "ok"),
    "500": (500, "server_error"),
    "503, once": ([503], "ok"),
    "redirect loop": ("redirect", "server_error"),
    "web page": ("page", "corrupt"),
    "empty": ("empty", "corrupt"),
    "no byte ranges": ("no_range", "ok"),
    "cut off": ("cut", "network"),
    "cut off, once": (["cut"] * 3, "ok"),
    "says half its length": ("short", "ok"),
    "truncated": ("truncated", "corrupt"),
    "bits flipped": ("flipped", "corrupt"),
    "hangs before": ("hang", "timeout"),
    "hangs in the middle": ("stall", "timeout"),
    "drips": ("drip", "timeout"),
    "without end": ("stream", "unavailable"),
}
PASSING = {"503, once", "429, Retry-After 2, once", "no byte ranges", "cut off, once"}


def faults(folder: Path, _: argparse.Namespace) -> None:
    """Print the outcome of a clip for every fault."""
    fill(folder / "site", [clip(number) for number in range(len(FAULTS))])
    print(f"{'fault':25} {'outcome':13} {'expected':13} {'tries':>5} {'requests':>8} {'seconds':>8}  in the archive")
    for number, (name, (fault, expected)) in enumerate(FAULTS.items()):
        one = clip(number)
        with Site(folder / "site") as site:
            site.faults[one.video_id] = fault
            archive = open_for_writing(folder / f"fault{number}")
            policy = RequestPolicy(
                on_transient="record", tries=2, timeout_seconds=8.0,
                yt_dlp={"socket_timeout": 5},
            )  # fmt: skip
            began = time.monotonic()
            row = download([one], [SourceParams(site.url, max_megabytes=2.0)], policy, archive, 1.0).to_pylist()[0]
            seconds = time.monotonic() - began
            record = archive.read(one.clip_id)
            assert record is not None
            files = " ".join(sorted(p.suffix for p in (archive.root / archive.folder(one.clip_id)).iterdir()))
            left = " and leftovers" if list((archive.root / "tmp").iterdir()) else ""
            print(
                f"{name:25} {row['outcome']:13} {expected:13} {record.tries:5} {site.requests[one.video_id]:8} "
                f"{seconds:8.1f}  {files}{left}"
            )


def link_media(folder: Path, n_clips: int) -> list[Any]:
    """Give many videos the same medium; return their clips."""
    fill(folder, [clip(0)])
    (folder / f"{clip(0).video_id}.m4a").rename(folder / "medium.m4a")
    clips = [clip(number) for number in range(n_clips)]
    for one in clips:
        (folder / "site" / f"{one.video_id}.m4a").unlink(missing_ok=True)
        (folder / "site" / f"{one.video_id}.m4a").hardlink_to(folder / "medium.m4a")
    return clips


def many(folder: Path, options: argparse.Namespace) -> None:
    """Print seconds per clip if a tenth has a fault, wrong outcomes, and the resources of the job."""
    clips = link_media(folder, options.clips)
    process = psutil.Process()
    quick = [name for name in FAULTS if name not in ("none", "hangs before", "hangs in the middle", "drips", "403")]
    quick = [name for name in quick if name not in ("429", "without end")]
    expected = {one.clip_id: "ok" for one in clips}
    with Site(folder / "site") as site:
        for index, one in enumerate(clips[::10]):
            fault, expected[one.clip_id] = FAULTS[quick[index % len(quick)]]
            site.faults[one.video_id] = list(fault) if isinstance(fault, list) else fault
        policy = RequestPolicy(on_transient="record")
        parts = [clips[i : i + 100] for i in range(0, len(clips), 100)]
        outcomes: dict[str, str] = {}
        began = time.monotonic()
        for number, part in enumerate(parts):
            table = download(part, [SourceParams(site.url)], policy, open_for_writing(folder / "many"), 1.0)
            outcomes |= dict(zip(table["clip_id"].to_pylist(), table["outcome"].to_pylist(), strict=True))
            if number in (0, len(parts) // 2, len(parts) - 1):
                print(
                    f"after {(number + 1) * 100} clips: {process.memory_info().rss / 1e6:.0f} MB, "
                    f"{process.num_fds()} open files, {process.num_threads()} threads, "
                    f"{len(process.children())} children"
                )
        seconds = time.monotonic() - began
        wrong = {clip_id: found for clip_id, found in outcomes.items() if found != expected[clip_id]}
        print(
            f"{len(clips)} clips in {seconds:.0f} s, {seconds / len(clips):.3f} s a clip: {Counter(outcomes.values())}"
        )
        print(f"outcomes that are not as expected: {wrong or 'none'}")
        dead = Counter(site.requests[one.video_id] for one in clips if outcomes[one.clip_id] == "not_found")
        print(f"dead clips by requests: {dict(dead)}")
        before = Counter(site.requests)
        for part in parts:
            download(
                part,
                [SourceParams(site.url)],
                RequestPolicy(on_transient="record", tries=1),
                open_for_writing(folder / "many"),
                1.0,
            )
        asked = Counter(outcomes[one.clip_id] for one in clips if site.requests[one.video_id] > before[one.video_id])
        print(f"a second run asks again for {dict(asked)}, and for nothing else")


def breaker(folder: Path, options: argparse.Namespace) -> None:
    """Print the requests after the site refuses everything: in this job, in the next jobs, and after the block."""
    clips = link_media(folder, 200)
    with Site(folder / "site") as site:
        archive = open_for_writing(folder / "breaker")
        sources, policy = [SourceParams(site.url)], RequestPolicy()
        download(clips[:50], sources, policy, archive, 1.0)
        site.faults = {one.video_id: (429, 20) for one in clips[50:]}
        for name, part in (("refused from its first clip", clips[50:100]), ("while blocked", clips[100:150])):
            before = site.requests.total()
            line = ""
            try:
                download(part, sources, policy, archive, 1.0)
            except DownloadError as error:
                line = str(error)
            print(f"{name}: {site.requests.total() - before} requests (block_after is {policy.block_after}); {line}")
        blocked = Pace(archive.root).blocked()
        assert blocked is not None
        time.sleep(max(0.0, blocked[0] - time.time()))
        site.faults = {}
        before = site.requests.total()
        table = download(clips[50:100], sources, policy, archive, 1.0)
        print(f"after the block: {site.requests.total() - before} requests, {Counter(table['outcome'].to_pylist())}")


def _job(url: str, root: str, first: int, n_clips: int, policy: dict[str, Any]) -> None:
    clips = [clip(number) for number in range(first, first + n_clips)]
    download(clips, [SourceParams(url)], RequestPolicy(**policy), open_for_writing(Path(root)), 1.0)


def rate(folder: Path, options: argparse.Namespace) -> None:
    """Print requests per minute of three parallel jobs that share a limit of 3,600 per hour."""
    n_each = max(1, round(options.minutes * 60 / 3))
    link_media(folder, 3 * n_each)
    with Site(folder / "site") as site:
        policy = {"videos_per_hour": 3600.0, "concurrency": 4}
        jobs = [
            multiprocessing.get_context("spawn").Process(
                target=_job, args=(site.url, str(folder / "rate"), number * n_each, n_each, policy)
            )
            for number in range(3)
        ]
        began = time.monotonic()
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
        seconds = time.monotonic() - began
        at = sorted(site.first_asked.values())
        within = max(sum(a <= t < a + 60.0 for t in at) for a in at)
        by_minute = Counter(int((t - at[0]) // 60) for t in at)
        print(
            f"{len(at)} clips by three jobs in {seconds:.0f} s; by minute: {[n for _, n in sorted(by_minute.items())]}"
        )
        print(f"most in any 60 s: {within} (the limit is 60)")


def sharing(folder: Path, options: argparse.Namespace) -> None:
    """Print the requests of two parallel jobs that share an archive and a third of all clips."""
    n = options.clips
    link_media(folder, n)
    parts = [(0, n * 2 // 3), (n - n * 2 // 3, n * 2 // 3)]
    with Site(folder / "site") as site:
        for name, at_once in (("one after the other", False), ("at once", True)):
            site.requests.clear()
            began = time.monotonic()
            jobs = [
                multiprocessing.get_context("spawn").Process(
                    target=_job, args=(site.url, str(folder / name), first, size, {"concurrency": 4})
                )
                for first, size in parts
            ]
            for job in jobs:
                job.start()
                if not at_once:
                    job.join()
            for job in jobs:
                job.join()
            seconds = time.monotonic() - began
            tries = Counter(record.tries for i in range(n) if (record := Archive(folder / name).read(clip(i).clip_id)))
            print(
                f"{name:20} {seconds:5.0f} s, {site.requests.total()} requests for {n} clips, of which "
                f"{2 * parts[0][1] - n} are in both; clips by how often they were asked for: {dict(tries)}, "
                f"status {[job.exitcode for job in jobs]}"
            )


def exactness(folder: Path, options: argparse.Namespace) -> None:
    """Print the error of a clip's start and length, in samples of the media, by container and by way of fetching."""
    print(
        f"{'media':6} {'asked for':12} {'clips':>5} {'whole files':>11} {'start: worst':>12} {'mean':>6} {'length':>6}"
    )
    starts = [round(start, 3) for start in random.Random(0).choices(np.arange(0, 48, 0.137), k=options.exact)]
    clips = [clip(number, start) for number, start in enumerate(starts)]
    for ending in ("m4a", "mp4", "webm", "m3u8"):
        fill(folder / "site", clips, ending, seconds=60)
        with Site(folder / "site") as site:
            url = site.url.replace("m4a", ending)
            for name, source in (("sections", SourceParams(url)), ("whole files", SourceParams(url, sections=False))):
                archive = open_for_writing(folder / f"{ending}-{name}")
                errors, lengths, n_whole = [], [], 0
                for row in download(clips, [source], RequestPolicy(), archive, 1.0).to_pylist():
                    offset = row["media_start_seconds"]
                    cut = decode.cut(
                        archive.root / row["media"], row["start_seconds"] - offset, row["end_seconds"] - offset, RATE_HZ
                    )
                    samples = np.abs(np.array(cut.get_array_of_samples()))
                    errors.append(int(np.flatnonzero(samples > 6000)[0]) - RATE_HZ)
                    lengths.append(len(samples) - 4 * RATE_HZ)
                    record = archive.read(row["clip_id"])
                    n_whole += bool(record and record.whole)
                worst = max(errors, key=abs)
                print(
                    f"{ending:6} {name:12} {len(clips):5} {n_whole:11} {worst:12} {np.mean(errors):6.1f} "
                    f"{max(lengths, key=abs):6}"
                )


def kills(folder: Path, options: argparse.Namespace) -> None:
    """Print the cost and the leftovers of ten kills of a whole run (SIGKILL, at random moments)."""
    n_clips, batch_size = options.clips, 100
    make_demo(folder / "tables", 2, 2)
    clips = link_media(folder, n_clips)
    label = ("/m/04rlf", "/m/09x0r")
    rows = [
        f'{one.video_id}, {one.start_seconds:.3f}, {one.end_seconds:.3f}, "{label[index % 2]}"'
        for index, one in enumerate(clips)
    ]
    (folder / "list.csv").write_text("# YTID, start_seconds, end_seconds, positive_labels\n" + "\n".join(rows) + "\n")
    targets = [f"results/outcomes/train-{number:05d}.csv" for number in range(-(-n_clips // batch_size))]
    rng = random.Random(options.seed)

    def project(name: str, url: str) -> Project:
        tables = folder / "tables"
        return Project.make(
            folder / name,
            {
                "metadata": {
                    "segments": {"train": str(folder / "list.csv")},
                    "class_labels": str(tables / "class_labels_indices.csv"),
                    "ontology": str(tables / "ontology.json"),
                    "label_quality": str(tables / "qa_true_counts.csv"),
                    "min_label_accuracy": 0.0,
                },
                "batch_size": batch_size,
                "clips": {"format": "flac"},
                "download": {"url": url, "yt_dlp": {"socket_timeout": 5}},
                "detectors": {"music": ["Music"]},
            },
        )

    def outcome(one: Project) -> dict[str, list[str]]:
        return {
            str(path.relative_to(one.folder)): path.read_text().splitlines()
            for name in ("downloads", "outcomes")
            for path in sorted((one.folder / "results" / name).glob("*.csv"))
        }

    with Site(folder / "site") as site:
        kinds = (404, "page", "no_range", "truncated")
        site.faults = {one.video_id: kinds[index % len(kinds)] for index, one in enumerate(clips[::10])}
        calm, disturbed = project("calm", site.url), project("disturbed", site.url)
        began = time.monotonic()
        run = calm.run(*targets)
        assert run.status == 0, run.text
        calm_seconds, calm_requests = time.monotonic() - began, site.requests.total()
        site.requests.clear()
        whole: dict[str, int] = {}
        n_again = n_strays = 0
        began = time.monotonic()
        for number in range(10):
            process = subprocess.Popen(
                disturbed.command(*targets), cwd=disturbed.folder, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            time.sleep(rng.uniform(4.0, 1.3 * calm_seconds / 10 + 6.0))
            ended = process.poll() is not None
            os.killpg(process.pid, signal.SIGKILL) if not ended else None
            process.wait()
            time.sleep(1.5)  # what the killed processes had sent is counted
            disturbed.run("--unlock")
            n_again += sum(site.requests[video_id] > n for video_id, n in whole.items())
            archive = Archive(disturbed.folder / "archive")
            records = [record for one in clips if (record := archive.read(one.clip_id))]
            settled = [r for r in records if r.outcome in ("ok", "not_found")]
            whole = {record.video_id: site.requests[record.video_id] for record in settled}
            _, strays = check(archive)
            n_strays += len(strays)
            print(f"kill {number + 1}: {len(settled)} clips settled{', the run had ended' if ended else ''}; {strays}")
        run = disturbed.run(*targets)
        assert run.status == 0, run.text
        n_again += sum(site.requests[video_id] > n for video_id, n in whole.items())
        seconds = time.monotonic() - began
        n_records, strays = check(Archive(disturbed.folder / "archive"))
        print(
            f"undisturbed {calm_seconds:.0f} s, {calm_requests} requests; with ten kills {seconds:.0f} s, "
            f"{site.requests.total()} requests"
        )
        print(
            f"clips asked for again after they were settled: {n_again}; files without a record after the kills: "
            f"{n_strays}, at the end: {len(strays)}; {n_records} records"
        )
        lines = [
            pair for name in outcome(calm) for pair in zip(outcome(calm)[name], outcome(disturbed)[name], strict=True)
        ]
        different = [pair for pair in lines if pair[0] != pair[1]]
        print(f"rows of all tables: {len(lines)}, different: {len(different)} {different[:2]}")


def peers(folder: Path, options: argparse.Namespace) -> None:
    """Print seconds per clip with one yt-dlp process per clip, and in one job."""
    clips = link_media(folder, 50)
    with Site(folder / "site") as site:
        began = time.monotonic()
        for number, one in enumerate(clips[:10]):
            command = [sys.executable, "-m", "yt_dlp", "--quiet", "-o", str(folder / f"alone{number}.%(ext)s")]
            subprocess.run([*command, fill_template(site.url, one)], check=True, capture_output=True)
        print(
            f"a yt-dlp process a clip, one after the other, whole files: {(time.monotonic() - began) / 10:.2f} s a clip"
        )
        for name, sections, concurrency in (
            ("whole files, one worker", False, 1),
            ("whole files, four workers", False, 4),
            ("sections, four workers", True, 4),
        ):
            began = time.monotonic()
            archive = open_for_writing(folder / f"ours {name}")
            download(
                clips, [SourceParams(site.url, sections=sections)], RequestPolicy(concurrency=concurrency), archive, 1.0
            )
            print(f"soundsift, {name}: {(time.monotonic() - began) / len(clips):.2f} s a clip, start-up included")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = {way.__name__: way for way in (faults, many, breaker, rate, sharing, exactness, kills, peers)}
    parser.add_argument("ways", nargs="*", choices=[*ways, []], default=["faults", "breaker", "peers"])
    parser.add_argument("--clips", type=int, default=200, help="for many, sharing and kills")
    parser.add_argument("--minutes", type=float, default=1.5, help="for rate")
    parser.add_argument("--exact", type=int, default=40, help="clips a container, for exactness")
    parser.add_argument("--seed", type=int, default=0, help="for kills")
    options = parser.parse_args()
    for way in options.ways:
        print(f"\n{way}: {ways[way].__doc__}", flush=True)
        with tempfile.TemporaryDirectory() as name:
            (Path(name) / "site").mkdir()
            ways[way](Path(name), options)


if __name__ == "__main__":
    main()
