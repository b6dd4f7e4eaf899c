"""Clips with known media, and their download as in the workflow; shared by the download tests."""

from pathlib import Path

import av
import numpy as np

from soundsift.config.download import RequestPolicy, SourceParams
from soundsift.demo import RATE_HZ, write_media
from soundsift.media import decode, encode
from soundsift.media.archive_writer import open_for_writing
from soundsift.media.download import download
from soundsift.metadata.batches import Clip

QUICK = {"concurrency": 2}


def clip(number: int, start: float = 4.0) -> Clip:
    video_id = f"-video{number:05d}"
    return Clip(f"{video_id}_{round(start * 1000)}", video_id, start, start + 4.0)


def fill(folder: Path, clips: list[Clip], ending: str = "m4a", seconds: int = 12) -> None:
    """Write media for every clip: noise, with a click one second after the start of the labelled stretch."""
    rng = np.random.default_rng(0)
    for one in clips:
        samples = rng.normal(size=seconds * RATE_HZ) * 0.01
        at = round((one.start_seconds + 1.0) * RATE_HZ)
        samples[at : at + 48] = 0.9
        if ending == "m3u8":
            write_hls(folder / f"{one.video_id}.m3u8", samples)
        else:
            write_media(folder / f"{one.video_id}.{ending}", samples, picture=ending == "mp4")


def write_hls(path: Path, samples: np.ndarray) -> None:
    """Write a playlist and, beside it, its pieces of four seconds."""
    options = {"hls_time": "4", "hls_list_size": "0", "hls_playlist_type": "vod"}
    with av.open(str(path), "w", format="hls", options=options) as container:
        encode.encode(container, "aac", {"b": "64k"}, (samples * 32767).astype(np.int16), RATE_HZ)


def fetch(
    clips: list[Clip],
    url: str | list[SourceParams],
    root: Path,
    source: dict | None = None,
    min_seconds: float = 1.0,
    **policy,
) -> dict[str, dict]:
    table = download(
        clips,
        [SourceParams(url, **(source or {}))] if isinstance(url, str) else url,
        RequestPolicy(**{**QUICK, "on_transient": "record", **policy}),
        open_for_writing(root),
        min_seconds,
        first_pause_seconds=0.0,
    )
    return {row["clip_id"]: row for row in table.to_pylist()}


def onset_seconds(row: dict, root: Path) -> float:
    offset = row["media_start_seconds"]
    cut = decode.cut(root / row["media"], row["start_seconds"] - offset, row["end_seconds"] - offset, RATE_HZ)
    return float(np.flatnonzero(np.abs(np.array(cut.get_array_of_samples())) > 6000)[0] / RATE_HZ)
