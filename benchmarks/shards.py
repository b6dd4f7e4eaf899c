"""Reading media from shards: speed and memory, bytes fetched from the Hub, and the index of two million ids.

    PYTHONPATH=scripts:. python benchmarks/shards.py read | hub | index [FOLDER]

``read`` needs 5 GB in FOLDER for 2,000 clips; the variable ``N_CLIPS`` takes fewer. With datasets, librosa and PyAV
installed, it also reads the clips and computes features as many scripts do: streamed by datasets, decoded by librosa,
each feature by its own call. ``DATASETS_PYTHON`` may name the Python of another environment for it. Each way runs in a
process of its own and in one thread of BLAS, on one clip first, so that imports and compilation are not counted.
``hub`` needs no network: it asks the imitation of the Hub in tests/hub.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

N_CLIPS, N_ROWS, N_GROUP = int(os.environ.get("N_CLIPS", 2000)), 500, 100
RATE_HZ, SECONDS = 48000, 10
N_SOUNDS = 40


def sound(seed: int) -> bytes:
    """Ten seconds of stereo noise as FLAC, 24 bits at 48 kHz, about as large as a clip of AudioSet."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(2, RATE_HZ * SECONDS)).astype(np.float32)
    samples = (np.convolve(steps[0], np.ones(8) / 8, "same") * 2**18).astype(np.int32) << 8
    out = io.BytesIO()
    with av.open(out, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="stereo", options={"compression_level": "0"})
        stream.codec_context.format = "s32"
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, 2)[None], format="s32", layout="stereo")
        frame.sample_rate = RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return out.getvalue()


def ids_of(n_clips: int) -> list[str]:
    """Return ids of eleven random letters."""
    letters = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", "S1")
    drawn = np.random.default_rng(0).integers(64, size=(n_clips, 11))
    return [one.decode() for one in np.ascontiguousarray(letters[drawn]).view("S11").ravel()]


def pack(folder: Path, sounds: Sequence[bytes], n_clips: int, n_rows: int, n_group: int) -> list[str]:
    """Write Parquet shards as they are on the Hub; return the ids in their order."""
    folder.mkdir(parents=True)
    ids = ids_of(n_clips)
    for first in range(0, n_clips, n_rows):
        part = ids[first : first + n_rows]
        data = pa.array([sounds[i % len(sounds)] for i in range(first, first + len(part))], pa.binary())
        names = pa.array([f"audio/{one}.flac" for one in part])
        audio = pa.StructArray.from_arrays([data, names], ["bytes", "path"])
        table = pa.table({"video_id": part, "audio": audio})
        path = folder / f"{first // n_rows:02}.parquet"
        pq.write_table(table, path, row_group_size=n_group, use_dictionary=False)
    return ids


def peak_megabytes() -> float:
    """Return the peak memory of this process. That of getrusage would include the process that started it."""
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found) / 1000


def clips_of(ids: Sequence[str]) -> list["object"]:
    """Make clips of ids."""
    from soundsift.metadata.batches import Clip

    return [Clip(f"{one}_0", one, 0.0, float(SECONDS)) for one in ids]


def with_pyarrow(folder: Path, use: Callable[[str, bytes], object]) -> None:
    """Read all media with PyArrow alone and do something with each."""
    for path in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(100, columns=["video_id", "audio.bytes"]):
            media = batch.column("audio").field("bytes")
            for one, data in zip(batch.column("video_id"), media, strict=True):
                use(one.as_py(), data.as_py())


def with_datasets(folder: Path, use: Callable[[str, bytes], object]) -> None:
    """Stream all media with datasets and do something with each."""
    from datasets import Audio, load_dataset

    streamed = load_dataset("parquet", data_files=str(folder / "*.parquet"), split="train", streaming=True)
    for row in streamed.cast_column("audio", Audio(decode=False)):
        use(row["video_id"], row["audio"]["bytes"])


def loaded(_: str, data: bytes) -> None:
    """Decode one medium with librosa, at its own rate."""
    import librosa

    librosa.load(io.BytesIO(data), sr=None)


def librosa_features(_: str, data: bytes) -> None:
    """Decode and resample one medium with librosa, and compute each feature by its own call."""
    import librosa

    y, rate_hz = librosa.load(io.BytesIO(data), sr=22050)
    of = librosa.feature
    frames = [of.mfcc(y=y, sr=rate_hz), of.zero_crossing_rate(y), of.rms(y=y), of.chroma_stft(y=y, sr=rate_hz)]
    for call in (of.spectral_centroid, of.spectral_bandwidth, of.spectral_rolloff):
        frames.append(call(y=y, sr=rate_hz))
    table = np.concatenate(frames)
    np.concatenate([table.mean(axis=1), table.std(axis=1)])


def decoded(_: str, data: bytes) -> None:
    """Decode one medium with FFmpeg."""
    with av.open(io.BytesIO(data)) as container:
        for _frame in container.decode(audio=0):
            pass


def download(folder: Path, ids: Sequence[str], batch_size: int, root: Path, concurrency: int = 4) -> None:
    """Download all clips, batch by batch, as the workflow does."""
    from soundsift.config.download import RequestPolicy, SourceParams
    from soundsift.media.archive_writer import open_for_writing
    from soundsift.media.download import download as fetch

    source = SourceParams(f"file://{folder}/*.parquet", trimmed=True)
    for first in range(0, len(ids), batch_size):
        batch = clips_of(ids[first : first + batch_size])
        table = fetch(batch, [source], RequestPolicy(concurrency=concurrency), open_for_writing(root))
        assert set(table["outcome"].to_pylist()) == {"ok"}


def make_features(folder: Path, ids: Sequence[str], batch_size: int, root: Path, clip_format: str) -> None:
    """Make features of all clips by the steps of the workflow, batch by batch."""
    from convert_clips import convert_clips
    from download_clips import download_clips
    from extract_features import extract_features
    from soundsift.config.clips import ClipParams
    from soundsift.config.download import RequestPolicy, SourceParams
    from soundsift.config.features import FeatureParams
    from soundsift.config.statistics import STATISTIC_NAMES
    from soundsift.metadata.columns import BATCH_COLUMNS
    from soundsift.tables import schema_of, write_csv
    from summarize_features import summarize_features

    source, params = SourceParams(f"file://{folder}/*.parquet", trimmed=True), ClipParams()
    for first in range(0, len(ids), batch_size):
        clips = clips_of(ids[first : first + batch_size])
        rows = [{column.name: getattr(clip, column.name) for column in BATCH_COLUMNS} for clip in clips]
        at = root / f"{first}"
        batch, downloads, outcomes = at / "batch.csv", at / "downloads.csv", at / "outcomes.csv"
        write_csv(pa.Table.from_pylist(rows, schema_of(BATCH_COLUMNS)), batch)
        download_clips(batch, root / "archive", [source], RequestPolicy(), params.min_seconds, downloads)
        rate_hz, min_seconds = params.sample_rate_hz, params.min_seconds
        convert_clips(downloads, root / "archive", clip_format, rate_hz, min_seconds, at / "clips", outcomes)
        extract_features(at / "clips", at / "frames", FeatureParams())
        summarize_features(at / "frames", outcomes, STATISTIC_NAMES, at / "features.parquet")
        assert pq.read_metadata(at / "features.parquet").num_rows == len(clips)


def shuffled(ids: Sequence[str]) -> list[str]:
    """Return the ids in a random order."""
    return [ids[i] for i in np.random.default_rng(0).permutation(len(ids))]


def index(folder: Path) -> Path:
    """Index the shards of a folder in the working directory."""
    from soundsift.config.sources import index_path
    from soundsift.media.shards.indexing import index_shards

    url = f"file://{folder}/*.parquet"
    path = Path(index_path(url))
    index_shards(url, path.with_suffix(""), path, 8)
    return path


# {way: how it reads all media of a folder whose ids are known; the second folder is for what it writes}
WAYS: dict[str, Callable[[Path, Sequence[str], Path], object]] = {
    "pyarrow alone": lambda shards, ids, out: with_pyarrow(shards, lambda one, data: len(data)),
    "pyarrow, each clip written to a file": lambda shards, ids, out: with_pyarrow(
        shards, lambda one, data: (out / one).write_bytes(data)
    ),
    "pyarrow, each clip decoded": lambda shards, ids, out: with_pyarrow(shards, decoded),
    "datasets, streamed": lambda shards, ids, out: with_datasets(shards, lambda one, data: len(data)),
    "datasets, streamed, each clip decoded by librosa": lambda shards, ids, out: with_datasets(shards, loaded),
    "download_clips, in order, batches of 500": lambda shards, ids, out: download(shards, ids, 500, out),
    "download_clips, in order, one at a time": lambda shards, ids, out: download(shards, ids, 500, out, concurrency=1),
    "download_clips, shuffled, batches of 500": lambda shards, ids, out: download(shards, shuffled(ids), 500, out),
    "download_clips, shuffled, batches of 2,000": lambda shards, ids, out: download(shards, shuffled(ids), 2000, out),
    "features: datasets, streamed, and librosa": lambda shards, ids, out: with_datasets(shards, librosa_features),
    "features: the steps of the workflow, clips as FLAC": lambda shards, ids, out: make_features(
        shards, ids, 500, out, "flac"
    ),
    "features: the steps of the workflow, clips as MP3": lambda shards, ids, out: make_features(
        shards, ids, 500, out, "mp3"
    ),
}


def read(folder: Path, way: str = "") -> None:
    """Measure the ways of reading, each in a process of its own."""
    os.chdir(folder)
    shards, one, out = (folder / name for name in (f"shards_{N_CLIPS}", "one", "out"))
    if way:
        for from_folder, n_clips in ((one, 1), (shards, N_CLIPS)):
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            used, started = time.process_time(), time.perf_counter()
            WAYS[way](from_folder, ids_of(n_clips), out)
        seconds, used = time.perf_counter() - started, time.process_time() - used
        shutil.rmtree(out)
        print(f"| {way} | {N_CLIPS / used:.0f} | {N_CLIPS / seconds:.0f} | {peak_megabytes():.0f} |", flush=True)
        return
    for to_folder, n_clips in ((one, 1), (shards, N_CLIPS)):
        if not to_folder.exists():
            pack(to_folder, [sound(i) for i in range(min(N_SOUNDS, n_clips))], n_clips, N_ROWS, N_GROUP)
        index(to_folder)
    size = sum(path.stat().st_size for path in shards.iterdir())
    print(f"{N_CLIPS} clips of {size / N_CLIPS / 1e6:.2f} MB, row groups of {size / N_CLIPS * N_GROUP / 1e6:.0f} MB\n")
    print("| way | clips per processor second | clips a second | peak MB |\n| --- | --- | --- | --- |", flush=True)
    other = os.environ.get("DATASETS_PYTHON", sys.executable)
    needed = "import datasets, librosa, av"
    has_datasets = subprocess.run([other, "-c", needed], stderr=subprocess.DEVNULL).returncode == 0
    single = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    for one_way in WAYS:
        if "datasets" in one_way and not has_datasets:
            print(f"| {one_way} | left out: datasets and librosa are not installed | | |")
            continue
        python = other if "datasets" in one_way else sys.executable
        subprocess.run([python, __file__, "read", str(folder), one_way], check=True, env=os.environ | single)


def hub(folder: Path) -> None:
    """Compare the bytes fetched from the imitation of the Hub with the bytes of the wanted media."""
    from tests.hub.imitation import DATASET, Hub

    ids = pack(folder / "hub/data", [os.urandom(20_000) for _ in range(N_SOUNDS)], N_CLIPS, N_ROWS, N_GROUP)
    os.chdir(folder)
    with Hub(folder / "hub") as running:
        os.environ["HF_ENDPOINT"] = running.endpoint
        from soundsift.config.download import RequestPolicy, SourceParams
        from soundsift.config.sources import index_path
        from soundsift.media.archive_writer import open_for_writing
        from soundsift.media.download import download as fetch
        from soundsift.media.shards.indexing import index_shards
        from soundsift.media.sources import shards

        shards._ending_of = lambda path: ".flac"  # the media are no sound
        url = f"hf://datasets/{DATASET}/data/*.parquet"
        path = Path(index_path(url))
        index_shards(url, path.with_suffix(""), path, 8)
        total = sum(file.stat().st_size for file in (folder / "hub/data").iterdir())
        print(f"index: {running.sent.total() / total:.1%} of the shards' bytes fetched\n")
        print("| list | batch_size | fetched / needed | requests for parts |\n| --- | --- | --- | --- |")
        for name, order in (("in order", ids), ("every tenth, in order", ids[::10]), ("shuffled", shuffled(ids))):
            for batch_size in (100, 500, 2000):
                running.sent.clear()
                running.asked.clear()
                for first in range(0, len(order), batch_size):
                    batch = clips_of(order[first : first + batch_size])
                    archive = open_for_writing(Path(f"archive {name} {batch_size}"))
                    fetch(batch, [SourceParams(url, trimmed=True)], RequestPolicy(), archive)
                n_parts = sum(n for one, n in running.asked.items() if one.startswith("/cdn/"))
                print(f"| {name} | {batch_size} | {running.sent.total() / (len(order) * 20_000):.2f} | {n_parts} |")


def many(folder: Path, n_shards: int = 2000, n_rows: int = 1000) -> None:
    """Index two million ids, add a shard, and look up batches."""
    from soundsift.media.shards.index import ShardIndex

    shards = folder / "many"
    ids = pack(shards, [b"x"], n_shards * n_rows, n_rows, N_GROUP)
    os.chdir(folder)
    started = time.perf_counter()
    path = index(shards)
    print(f"index of {n_shards * n_rows:,} ids in {n_shards:,} shards: {time.perf_counter() - started:.1f} s", end=", ")
    parts = sum(part.stat().st_size for part in path.with_suffix("").iterdir())
    print(f"{path.stat().st_size / 1e6:.1f} MB, and {parts / 1e6:.1f} MB by shard")
    shutil.copy2(shards / "00.parquet", shards / "zz.parquet")
    started = time.perf_counter()
    index(shards)
    print(f"with one more shard: {time.perf_counter() - started:.1f} s")
    for order, listed in (("sorted as AudioSet's lists are", sorted(ids)), ("shuffled", shuffled(ids))):
        started = time.perf_counter()
        assert len(ShardIndex(path).find(clips_of(listed[:1024]))) == 1024
        print(f"looking up a batch of 1,024 of a list that is {order}: {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    what, folder = sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else "shards_benchmark").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    {"read": read, "hub": hub, "index": many}[what](folder, *sys.argv[3:])
