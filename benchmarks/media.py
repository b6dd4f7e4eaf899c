"""Measure a clip from the downloaded file to its row of features: milliseconds per step, and two alternatives.

    [SOUNDSIFT_RECORDINGS=...] python benchmarks/media.py [--runs 5]

One thread. The media are stereo AAC at 44,100 Hz, as YouTube serves them: a section of 12 seconds and a video of four
minutes. The alternatives need ffmpeg and ffprobe on the PATH and are skipped without them. With the recordings, the
disk space of a thousand of their clips is printed as well.
"""

import argparse
import csv
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import librosa
import numpy as np
import pyarrow.parquet as pq
from pydub import AudioSegment

from extract_features import extract_features
from soundsift.config.features import FeatureParams
from soundsift.demo import RATE_HZ as DEMO_RATE_HZ
from soundsift.demo import sound
from soundsift.features.frames import frame_features, frames_table
from soundsift.features.statistics import STATISTICS
from soundsift.features.summary import summary_table
from soundsift.media import clip_file, decode, encode, levels
from soundsift.media.archive import Archive
from soundsift.media.clips import convert
from soundsift.tables import parquet_options, write_parquet

RATE_HZ = 22050
PARAMS = FeatureParams()


def write_stereo(path: Path, n_seconds: int) -> None:
    """Write speech over music as stereo AAC, 128 kbit/s."""
    rng = np.random.default_rng(0)
    once = librosa.resample(sound("both", rng, 12.0), orig_sr=DEMO_RATE_HZ, target_sr=44100)
    samples = (np.tile(once, n_seconds // 12)[:, np.newaxis].repeat(2, axis=1) * 32767).astype(np.int16)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100, options={"b": "128k"}, layout="stereo")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = 44100, 0
        resampler = av.AudioResampler(stream.format, "stereo", 44100, stream.frame_size)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def steps(source: Path, start_seconds: float, folder: Path, ending: str) -> dict[str, float]:
    """Run the steps of the workflow once; return milliseconds per step."""
    found, began = {}, time.perf_counter()

    def lap(name: str) -> None:
        nonlocal began
        found[name] = (time.perf_counter() - began) * 1000
        began = time.perf_counter()

    clip = decode.cut(source, start_seconds, start_seconds + 10, RATE_HZ)
    lap("decode and cut")
    encode.write_clip(levels.samples_of(clip), RATE_HZ, folder / f"clip.{ending}")
    lap("encode")
    samples, rate_hz = clip_file.read_samples(folder / f"clip.{ending}")
    lap("read back")
    frames = frame_features(samples, rate_hz, PARAMS)
    lap("features")
    write_parquet(frames_table(frames, "clip", rate_hz, PARAMS), folder / "clip.parquet")
    lap("frames Parquet")
    # A batch is one table: the time of one of twenty clips.
    summary_table([folder / "clip.parquet"] * 20, list(STATISTICS))
    lap("summary")
    found["summary"] /= 20
    return found


def by_pydub(source: Path, start_seconds: float, folder: Path) -> None:
    """Do as the first version: convert the whole file to MP3, cut it, compute every feature with its own call."""
    AudioSegment.from_file(source).export(folder / "all.mp3", format="mp3").close()
    whole = AudioSegment.from_mp3(folder / "all.mp3")
    whole[start_seconds * 1000 : (start_seconds + 10) * 1000].export(folder / "pydub.mp3", format="mp3").close()
    features_by_call(folder / "pydub.mp3")


def by_ffmpeg(source: Path, start_seconds: float, folder: Path) -> None:
    """Run one ffmpeg process per clip, then compute every feature with its own call."""
    command = [
        "ffmpeg", "-y", "-loglevel", "error", "-ss", str(start_seconds), "-t", "10",
        "-i", source,
        "-vn", "-ac", "1", "-ar", str(RATE_HZ), "-b:a", "128k", folder / "ffmpeg.mp3",
    ]  # fmt: skip
    subprocess.run(command, check=True)
    features_by_call(folder / "ffmpeg.mp3")


def features_by_call(path: Path) -> None:
    y, _ = librosa.load(path, sr=RATE_HZ)
    rows = [
        librosa.feature.chroma_stft(y=y, sr=RATE_HZ), librosa.feature.rms(y=y),
        librosa.feature.spectral_centroid(y=y, sr=RATE_HZ), librosa.feature.spectral_bandwidth(y=y, sr=RATE_HZ),
        librosa.feature.spectral_rolloff(y=y, sr=RATE_HZ), librosa.feature.zero_crossing_rate(y),
        librosa.feature.mfcc(y=y, sr=RATE_HZ, n_mfcc=20),
    ]  # fmt: skip
    [row.mean() for row in rows]


def whole_way(folder: Path, n_runs: int) -> None:
    """Print the table of alternatives and the milliseconds of our steps."""
    sources = {"12-s section": (folder / "section.m4a", 1.0, 12), "4-min video": (folder / "video.m4a", 100.0, 240)}
    others: dict[str, Callable[[Path, float, Path], None]] = {}
    if shutil.which("ffprobe") and shutil.which("ffmpeg"):
        others = {"one ffmpeg process a clip": by_ffmpeg, "pydub, as the first version": by_pydub}
    else:
        print("no ffmpeg and ffprobe on the PATH: the other ways are skipped")
    print(f"{'from':13} {'way':32} {'ms a clip':>9} {'spread':>15}")
    for name, (path, start, n_seconds) in sources.items():
        write_stereo(path, n_seconds)
        ours: dict[str, list[dict[str, float]]] = {ending: [] for ending in ("flac", "mp3", "wav")}
        theirs: dict[str, list[float]] = {way: [] for way in others}
        for number in range(n_runs + 1):  # the first is not counted
            for ending, runs in ours.items():
                runs.append(steps(path, start, folder, ending))
            for way, seconds in theirs.items():
                began = time.perf_counter()
                others[way](path, start, folder)
                seconds.append((time.perf_counter() - began) * 1000)
            if number == 0:
                for found in (*ours.values(), *theirs.values()):
                    found.clear()
        rows = {f"soundsift, {ending}": [sum(run.values()) for run in runs] for ending, runs in ours.items()} | theirs
        for way, totals in rows.items():
            print(f"{name:13} {way:32} {statistics.median(totals):9.0f} {min(totals):6.0f} - {max(totals):6.0f}")
        for ending, runs in ours.items():
            parts = {step: statistics.median(run[step] for run in runs) for step in runs[0]}
            print(f"{'':13} {ending}: " + ", ".join(f"{step} {ms:.1f}" for step, ms in parts.items()))


def encoders(folder: Path, n_runs: int) -> None:
    """Print the cost of each clip format, and the difference of its features from the uncompressed ones."""
    clip = decode.cut(folder / "section.m4a", 1.0, 11.0, RATE_HZ)
    samples = np.frombuffer(clip.raw_data, dtype=np.int16)
    exact = frame_features(samples.astype(np.float32) / 32768, RATE_HZ, PARAMS)
    spread = exact[:, 1:].std(axis=0)
    choices = [("mp3", {"b": "128k", "compression_level": level}) for level in "02579"]
    choices += [("mp3", {"b": "64k", "compression_level": "7"})]
    choices += [("flac", {"compression_level": level}) for level in "058"] + [("wav", {})]
    print("\nencoder                                         ms     kB  features off by (of their deviation)")
    for ending, setting in choices:
        codec, container_format, _ = encode._ENCODERS[ending]
        path, runs = folder / f"encoded.{ending}", []
        for _ in range(n_runs):
            began = time.perf_counter()
            with av.open(str(path), "w", format=container_format) as container:
                encode.encode(container, codec, setting, samples, RATE_HZ)
            runs.append((time.perf_counter() - began) * 1000)
        found = frame_features(clip_file.read_samples(path)[0], RATE_HZ, PARAMS)
        off = np.abs(found - exact)[:, 1:].mean(axis=0) / spread
        name = f"{ending} {' '.join(f'{key} {value}' for key, value in setting.items())}"
        kilobytes = path.stat().st_size / 1000
        print(
            f"{name:42} {statistics.median(runs):7.1f} {kilobytes:6.0f}  mean {off.mean():.4f}, worst {off.max():.4f}"
        )


def parquet(folder: Path, n_runs: int) -> None:
    """Print the cost of each way to store a frames table."""
    table = pq.read_table(folder / "clip.parquet")
    names = table.column_names
    chosen = parquet_options(table.schema)
    choices = {
        "zstd": {"compression": "zstd", "use_dictionary": False},
        "zstd, dictionary": {"compression": "zstd"},
        "zstd, bytes split, no bounds (ours)": chosen,
        "zstd level 9, bytes split, no bounds": chosen | {"compression_level": 9},
        "snappy, bytes split, no bounds": chosen | {"compression": "snappy"},
        "lz4, bytes split, no bounds": chosen | {"compression": "lz4"},
        "none": {"compression": "none", "use_dictionary": False},
    }
    print(f"\n{'frames Parquet':38} {'ms':>5} {'kB':>6}   {len(names)} columns, {table.num_rows} rows")
    for name, options in choices.items():
        runs = []
        for _ in range(5 * n_runs):
            began = time.perf_counter()
            pq.write_table(table, folder / "p.parquet", **options)
            runs.append((time.perf_counter() - began) * 1000)
        assert pq.read_table(folder / "p.parquet") == table
        print(f"{name:38} {statistics.median(runs):5.1f} {(folder / 'p.parquet').stat().st_size / 1000:6.1f}")


def cores(folder: Path, n_clips: int) -> None:
    """Print seconds for a batch with one process and with two, in turn, imports included."""
    row = {
        "video_id": "section", "start_seconds": 1.0, "end_seconds": 11.0, "outcome": "ok", "media": "section.m4a",
        "media_start_seconds": 0.0, "sha256": "",
    }  # fmt: skip
    rows = [row | {"clip_id": f"clip{number:05d}_1000"} for number in range(n_clips)]
    found: dict[int, list[float]] = {1: [], 2: []}
    for number in range(6):
        n_processes = 1 + number % 2
        place = folder / f"cores{number}"
        (place / "clips").mkdir(parents=True)
        began = time.perf_counter()
        convert(rows, Archive(folder), place / "clips", "flac", RATE_HZ, 3.0, n_processes)
        extract_features(place / "clips", place / "frames", PARAMS, n_processes)
        found[n_processes].append(time.perf_counter() - began)
    one, two = (statistics.median(runs) for runs in found.values())
    print(
        f"\n{n_clips} clips, flac and features: one process {one:.1f} s, two {two:.1f} s: {one / two:.2f} times as fast"
    )


def disk(folder: Path, n_clips: int) -> None:
    """Print megabytes for a thousand clips of the recordings, by kind of file."""
    recordings = Path(os.environ["SOUNDSIFT_RECORDINGS"])
    with open(recordings / "train_segments.csv", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file, skipinitialspace=True) if not row[0].startswith("#")][:n_clips]
    paths = {path.stem: path for path in (recordings / "media").iterdir()}
    sizes = dict.fromkeys(("media (whole files)", "clips, mp3", "clips, flac", "clips, wav", "frames", "features"), 0)
    frames = []
    for video_id, start, end, *_ in rows:
        clip = decode.cut(paths[video_id], float(start), float(end), RATE_HZ)
        sizes["media (whole files)"] += paths[video_id].stat().st_size
        for ending in ("mp3", "flac", "wav"):
            encode.write_clip(levels.samples_of(clip), RATE_HZ, folder / f"disk.{ending}")
            sizes[f"clips, {ending}"] += (folder / f"disk.{ending}").stat().st_size
        frames.append(folder / "frames" / f"{video_id}.parquet")
        features = frame_features(clip_file.read_samples(folder / "disk.mp3")[0], RATE_HZ, PARAMS)
        write_parquet(frames_table(features, video_id, RATE_HZ, PARAMS), frames[-1])
        sizes["frames"] += frames[-1].stat().st_size
    write_parquet(summary_table(frames, list(STATISTICS)), folder / "features.parquet")
    sizes["features"] = (folder / "features.parquet").stat().st_size
    print(f"\nMB for 1,000 clips (measured on {len(rows)})")
    for name, n_bytes in sizes.items():
        print(f"{name:20} {n_bytes / len(rows) / 1000:8.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole_way(folder, options.runs)
        encoders(folder, options.runs)
        parquet(folder, options.runs)
        cores(folder, 200)
        if "SOUNDSIFT_RECORDINGS" in os.environ:
            disk(folder, 200)


if __name__ == "__main__":
    main()
