"""Measure how exactly stretches of media files are cut, and where detection hears them, for many kinds of containers.

    python benchmarks/containers.py [--seconds 2 60 300] [--kinds WAV AC-3] [--rate-hz 48000] [--folder FOLDER]

Each file is noise. It is decoded from beginning to end once, without seeking, by plain PyAV; that is the reference.
Cuts of one second at the given times are compared with it: "cut" is their offset in samples at 22,050 Hz, "heard"
that of the samples that detection analyses there. "delay" is the offset of the reference against the noise: the delay
of an encoder that the container does not mark, in samples of the file. "ms" is the time of the last cut. DTS needs
the encoder of an ffmpeg program.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import av
import numpy as np
import soxr

from soundsift.arrays import Float32Array
from soundsift.media import decode
from soundsift.media.containers import PRIMING_SECONDS
from soundsift.media.stream import samples_of
from tests.unit.media.kinds import KINDS, Kind, noise, write_kind

RATE_HZ = 22050
# The first and the last stretch of a file, and those around them, are not affected by how a decoder starts.
CUT_SECONDS = 1.0
MAX_LAG = 10 * RATE_HZ
DTS = {"DTS": Kind("dts", "dca"), "MKV, DTS": Kind("mkv", "dca")}


def write_dts(kind: Kind, path: Path, n_seconds: float, ffmpeg: str) -> None:
    """Write a file with the encoder that PyAV lacks."""
    command = [ffmpeg, "-loglevel", "error", "-f", "s16le", "-ar", str(kind.rate_hz), "-ac", "1", "-i", "-"]
    with subprocess.Popen(
        [*command, "-c:a", "dca", "-strict", "-2", "-y", str(path)], stdin=subprocess.PIPE
    ) as encoder:
        assert encoder.stdin is not None
        for block in noise(kind.rate_hz, n_seconds):
            encoder.stdin.write(block.tobytes())


def means_of(frames: "Iterable[av.AudioFrame]") -> Iterator[Float32Array]:
    """Yield the mean over the channels of every frame. Frames of IMA ADPCM in MOV have only 64 samples."""
    resampler = None
    for frame in frames:
        resampler = resampler or av.AudioResampler("fltp", frame.layout, frame.sample_rate)
        yield from (piece.to_ndarray().mean(axis=0) for piece in resampler.resample(frame))


def resampled(blocks: Iterator[Float32Array], rate_hz: int) -> Float32Array:
    stream = soxr.ResampleStream(rate_hz, RATE_HZ, 1, "float32")
    parts = [stream.resample_chunk(np.ascontiguousarray(block, dtype=np.float32)) for block in blocks]
    return np.concatenate([*parts, stream.resample_chunk(np.zeros(0, np.float32), last=True)])


def reference(path: Path) -> tuple[float, Float32Array]:
    """Decode a file from its beginning, without seeking; return the time stamp of its first sample, and its samples."""
    with av.open(str(path)) as container:
        start = (container.start_time or 0) / av.time_base
        is_padded = container.format.name == "mp3" or abs(start) > PRIMING_SECONDS
        frames = container.decode(audio=0)
        first = next(frames)
        begins = (first.time or 0.0) - (start if is_padded else 0.0)
        return begins, resampled(means_of(chain([first], frames)), first.sample_rate)


def lag_of(part: Float32Array, whole: Float32Array, first: int) -> int | None:
    """Return by how many samples ``part`` is later in ``whole`` than ``first``; None if it is not there."""
    begin = max(0, first - MAX_LAG)
    around = whole[begin : first + len(part) + MAX_LAG]
    if len(part) < RATE_HZ // 10 or len(around) < len(part):
        return None
    n = 1 << (len(around) + len(part)).bit_length()
    product = np.fft.irfft(np.fft.rfft(around, n) * np.conj(np.fft.rfft(part, n)), n)[: len(around) - len(part) + 1]
    best = int(np.argmax(product))
    found = around[best : best + len(part)]
    likeness = float(found @ part / (np.linalg.norm(found) * np.linalg.norm(part) + 1e-9))
    return best + begin - first if likeness > 0.3 else None


def measure(name: str, kind: Kind, seconds: list[float], path: Path) -> None:
    begins_seconds, whole = reference(path)
    begins = round(begins_seconds * RATE_HZ)
    heard = np.concatenate(list(samples_of(path, RATE_HZ, 10 * RATE_HZ)))
    original = resampled((block / np.float32(32768) for block in noise(kind.rate_hz, 9)), kind.rate_hz)
    at = round(3 * RATE_HZ) if len(original) > 5 * RATE_HZ else 0
    delay = lag_of(original[at : at + RATE_HZ], whole, at)
    cells = []
    elapsed = 0.0
    for second in seconds:
        first = round(second * RATE_HZ)
        started = time.monotonic()
        clip = decode.cut(path, second, second + CUT_SECONDS, RATE_HZ)
        elapsed = time.monotonic() - started
        part = np.frombuffer(clip.raw_data, dtype=np.int16).astype(np.float32) / 32768
        inner = slice(first, first + RATE_HZ)
        cells += [lag_of(part, whole, first - begins), lag_of(heard[inner], whole, first - begins)]
    shown = "".join(f"{'-' if cell is None else cell:>{8 + 3 * (i % 2 == 0)}}" for i, cell in enumerate(cells))
    print(
        f"{name:26}{shown}{'-' if delay is None else round(delay * kind.rate_hz / RATE_HZ):>8}{elapsed * 1000:>8.0f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[2, 60, 300])
    parser.add_argument("--kinds", nargs="+", default=[""], help="beginnings of their names")
    parser.add_argument("--rate-hz", type=int, help="of the files, instead of that of each kind")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--ffmpeg", help="an ffmpeg program, for DTS")
    options = parser.parse_args()
    head = "".join(f"{f'{second:g} s cut':>11}{'heard':>8}" for second in options.seconds)
    print(f"{'':26}{head}{'delay':>8}{'ms':>8}")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for name, kind in (KINDS | (DTS if options.ffmpeg else {})).items():
            if name.startswith(tuple(options.kinds)):
                kind = replace(kind, rate_hz=options.rate_hz or kind.rate_hz)
                path = Path(folder) / f"sound.{kind.ending}"
                if name in DTS:
                    write_dts(kind, path, max(options.seconds) + 3, options.ffmpeg)
                else:
                    write_kind(kind, path, max(options.seconds) + 3)
                measure(name, kind, options.seconds, path)
                path.unlink()


if __name__ == "__main__":
    main()
