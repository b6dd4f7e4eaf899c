"""Media packed in shards, as they are found on the Hugging Face Hub."""

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from soundsift.demo import RATE_HZ
from soundsift.metadata.batches import Clip


def clips_of(n: int, start: float = 30.0) -> list[Clip]:
    """Clips with ids like YouTube's; some begin with - or Y."""
    ids = [f"{'-Ya'[i % 3]}video{i:05d}" for i in range(n)]
    return [Clip(f"{one}_{round(start * 1000)}", one, start, start + 10.0) for one in ids]


def flac(seed: int, seconds: float = 0.5) -> bytes:
    """Noise that differs with the seed, as FLAC."""
    samples = (np.random.default_rng(seed).normal(size=round(seconds * RATE_HZ)) * 3000).astype(np.int16)
    out = io.BytesIO()
    with av.open(out, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return out.getvalue()


def media_of(clips: Sequence[Clip]) -> dict[str, bytes]:
    """{video id: FLAC} for clips, each with another sound."""
    return {clip.video_id: flac(i) for i, clip in enumerate(clips)}


def write_parquet(
    path: Path, media: Mapping[str, bytes | None], id_column: str = "video_id", plain: bool = False,
    row_group: int = 100, **options: Any,
) -> None:  # fmt: skip
    """Write a shard like those of agkphysics/AudioSet, or with plain bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = pa.array(list(media.values()), pa.binary())
    if not plain:
        names = pa.array([f"audio/{name}.flac" for name in media])
        sound = pa.StructArray.from_arrays([sound, names], ["bytes", "path"])
    labels = pa.array([["/m/04rlf"]] * len(media), pa.list_(pa.string()))
    table = pa.table({id_column: list(media), "audio": sound, "labels": labels})
    pq.write_table(table, path, row_group_size=row_group, **options)


def write_tar(path: Path, media: Mapping[str, bytes], kind: int = tarfile.PAX_FORMAT, mode: str = "w") -> None:
    """Write a shard of WebDataset: for each key its sound, a JSON file and a text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode, format=kind) as tar:
        for key, sound in media.items():
            for ending, data in (("cls", b"0"), ("flac", sound), ("json", b'{"label": "Speech"}')):
                member = tarfile.TarInfo(f"./{key}.{ending}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
