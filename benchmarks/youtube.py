"""Requests, bytes, seconds and memory of a download job, against the imitation of YouTube in tests/youtube.

    python benchmarks/youtube.py [--clips 20] [--delay-ms 40] [--seconds 300] [--concurrency 1] [--layout m4a]
        [--no-challenge] [--option '{"extractor_args": {...}}']

One clip of each video is downloaded. ``--delay-ms`` is added to every answer, as a round trip would. The memory is the
proportional share of all processes of the job, itself included, at its highest.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from soundsift.metadata.batches import Clip
from tests.site.downloads import fetch
from tests.youtube import imitation, media
from tests.youtube.cases import Case, Format
from tests.youtube.test_youtube import URL


def highest_memory_mb(stop: threading.Event, found: list[float]) -> None:
    """Append the highest memory of this process and its children, until the event is set."""
    most = 0.0
    while not stop.wait(0.005):
        total = 0.0
        for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue
        most = max(most, total)
    found.append(most / 1e6)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--layout", default="m4a")
    parser.add_argument("--no-challenge", action="store_true")
    parser.add_argument("--option", default="{}")
    asked = parser.parse_args()
    media.SECONDS = imitation.SECONDS = asked.seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        media.write_layouts(folder / "media" / "right", 1)
        certificate = imitation.make_certificate(folder)
        os.environ |= {"SSL_CERT_FILE": str(folder / "public.pem"), "XDG_CACHE_HOME": str(folder / "cache")}
        case = Case("", "ok", formats=(Format(asked.layout),), challenge=not asked.no_challenge)
        clips = [Clip(f"clip-{n:06d}_{9300 * n}", f"clip-{n:06d}", 9.3 * n, 9.3 * n + 10) for n in range(asked.clips)]
        options: dict[str, Any] = {"compat_opts": ["no-certifi"], **json.loads(asked.option)}
        stop, memory = threading.Event(), list[float]()
        with imitation.YouTube(folder / "media", certificate, asked.delay_ms / 1000) as youtube:
            youtube.videos = {one.video_id: case for one in clips}
            watch = threading.Thread(target=highest_memory_mb, args=(stop, memory))
            watch.start()
            began = time.monotonic()
            rows = fetch(
                clips, URL, folder / "archive", tries=1, concurrency=asked.concurrency,
                proxy=f"http://{youtube.address}", yt_dlp=options,
            )  # fmt: skip
            seconds = time.monotonic() - began
            stop.set()
            watch.join()
        n = len(clips)
        outcomes = sorted({row["outcome"] for row in rows.values()})
        kinds = ", ".join(f"{youtube.n_requests(kind) / n:.2f} {kind}" for kind in ("www", "manifest", "media"))
        print(f"{n} clips ({', '.join(outcomes)}), {asked.delay_ms:g} ms a round trip, {asked.concurrency} at a time:")
        print(f"requests a clip: {kinds}; {sum(youtube.sent.values()) / n / 1e6:.3f} MB a clip")
        print(f"{seconds / n:.2f} s a clip; memory {memory[0]:.0f} MB")


if __name__ == "__main__":
    main()
