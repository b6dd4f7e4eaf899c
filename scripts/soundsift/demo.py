"""The built-in demo: small segment lists in AudioSet's form, with synthesised media.

The sounds are chords with rhythms, syllables with pauses, wind, engines, birds, and mixtures of music and speech. The
demo runs every step of the workflow without a network. The results of its detectors do not apply to real recordings.
"""

import csv
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import numpy as np
from scipy import signal

from soundsift.arrays import Float64Array
from soundsift.media.encode import encode
from soundsift.workers import in_order

Rng = np.random.Generator

RATE_HZ = 24_000  # supported by both AAC and Opus
N_TRAIN, N_EVAL = 120, 40
SEED = 20170305

# {id: (name, parent, number of rated labels, how many of these were right)}; ids and names as in AudioSet
CLASSES: dict[str, tuple[str, str | None, int, int]] = {
    "/m/09x0r": ("Speech", None, 10, 10),
    "/m/05zppz": ("Male speech, man speaking", "/m/09x0r", 10, 9),
    "/m/02zsn": ("Female speech, woman speaking", "/m/09x0r", 10, 10),
    "/m/04rlf": ("Music", None, 10, 10),
    "/m/0fx80y": ("Plucked string instrument", "/m/04rlf", 8, 8),
    "/m/0l14qv": ("Synthesizer", "/m/04rlf", 10, 9),
    "/m/02lkt": ("Electronic music", "/m/04rlf", 0, 0),
    "/m/026t6": ("Drum", "/m/04rlf", 10, 6),
    "/m/03m9d0z": ("Wind", None, 10, 10),
    "/m/02mk9": ("Engine", None, 9, 9),
    "/m/015p6": ("Bird", None, 10, 10),
    "/m/096m7z": ("Noise", None, 10, 5),
}


def make_demo(folder: Path, n_train: int = N_TRAIN, n_eval: int = N_EVAL, n_processes: int = 1) -> None:
    """Write the segment lists, label tables and ``media/`` of the demo into ``folder``.

    Parameters
    ----------
    n_train, n_eval
        Rows of the two lists. Four of 50 rows have no usable media, so that outcomes other than ``ok`` occur.
    """
    (folder / "media").mkdir(parents=True, exist_ok=True)
    _write_class_tables(folder)
    for split, n_clips in (("train", n_train), ("eval", n_eval)):
        rows = in_order(partial(_make_clip, folder / "media", split), range(n_clips), n_processes)
        ids = f"# num_ytids={n_clips}, num_segs={n_clips}"
        header = [
            "# Segments csv of the built-in demo: synthesised sound",
            ids,
            "# YTID, start_seconds, end_seconds, positive_labels",
        ]
        (folder / f"{split}_segments.csv").write_text("\n".join([*header, *rows, ""]), encoding="utf-8")


def _make_clip(media: Path, split: str, number: int) -> str:
    """Write the media file of one clip, or a faulty one in its place; return the row of the segment list."""
    rng = np.random.default_rng([SEED, ord(split[0]), number])
    video_id = f"{'-' if number % 40 == 7 else '_'}demo{split[0]}{number:05d}"
    labels, kind = _draw_labels(rng)
    start = int(rng.integers(2, 6))
    _FAULTS.get(number % 50, _write_whole)(media / video_id, rng, kind, start)
    return f'{video_id}, {start}.000, {start + 10}.000, "{",".join(labels)}"'


def _write_class_tables(folder: Path) -> None:
    with open(folder / "class_labels_indices.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["index", "mid", "display_name"])
        writer.writerows([i, class_id, name] for i, (class_id, (name, *_)) in enumerate(CLASSES.items()))
    with open(folder / "qa_true_counts.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["label_id", "num_rated", "num_true"])
        writer.writerows([class_id, rated, true] for class_id, (_, _, rated, true) in CLASSES.items())
    nodes = [
        {"id": i, "name": name, "child_ids": [c for c, (_, p, _, _) in CLASSES.items() if p == i], "restrictions": []}
        for i, (name, _, _, _) in CLASSES.items()
    ]
    (folder / "ontology.json").write_text(json.dumps(nodes, indent=1), encoding="utf-8")


def _draw_labels(rng: Rng) -> tuple[list[str], str]:
    """Draw the labels of a clip and the kind of sound that belongs to them."""
    speech = ["/m/09x0r", rng.choice(["/m/05zppz", "/m/02zsn"])]
    music = [["/m/04rlf", "/m/0fx80y"], ["/m/04rlf", "/m/0l14qv"], ["/m/02lkt"], ["/m/026t6"]][
        rng.choice(4, p=[0.4, 0.4, 0.15, 0.05])
    ]
    kind = str(
        rng.choice(
            ["music", "speech", "both", "wind", "engine", "bird", "noise"], p=[0.3, 0.26, 0.1, 0.12, 0.1, 0.1, 0.02]
        )
    )
    by_kind = {"music": music, "speech": speech, "both": music[:1] + speech, "wind": ["/m/03m9d0z"],
               "engine": ["/m/02mk9"], "bird": ["/m/015p6"], "noise": ["/m/096m7z"]}  # fmt: skip
    return [str(label) for label in by_kind[kind]], kind


def _write_whole(stem: Path, rng: Rng, kind: str, start: int) -> None:
    """Write media that are longer than the labelled segment, with another kind of sound outside it."""
    container = str(rng.choice(["m4a", "webm", "mp4"]))
    other = "wind" if kind in ("music", "speech", "both") else str(rng.choice(["music", "speech"]))
    samples = sound(other, rng, start + 12)
    samples[start * RATE_HZ : (start + 10) * RATE_HZ] = sound(kind, rng, 10)
    write_media(stem.with_suffix(f".{container}"), samples, picture=container == "mp4")


def _write_short(stem: Path, rng: Rng, kind: str, start: int) -> None:
    write_media(stem.with_suffix(".m4a"), sound(kind, rng, start + 1), picture=False)


def _write_mute(stem: Path, rng: Rng, kind: str, start: int) -> None:
    write_media(stem.with_suffix(".mp4"), None, picture=True)


def _write_page(stem: Path, rng: Rng, kind: str, start: int) -> None:
    stem.with_suffix(".m4a").write_text("<!doctype html><title>Not here</title>", encoding="utf-8")


def _write_nothing(stem: Path, rng: Rng, kind: str, start: int) -> None:
    pass


# {position in every 50 rows: writer of a faulty media file}
_FAULTS: dict[int, Callable[[Path, Rng, str, int], None]] = {
    3: _write_nothing, 13: _write_mute, 23: _write_short, 33: _write_page,
}  # fmt: skip

# without this flag the WebM writer uses random ids, and files would differ between runs
BITEXACT = {"fflags": "bitexact"}
_AAC = {"b": "64k", "aac_coder": "fast"}
_CODECS: dict[str, tuple[str, str, dict[str, str]]] = {
    ".m4a": ("mp4", "aac", _AAC),
    ".mp4": ("mp4", "aac", _AAC),
    ".webm": ("webm", "libopus", {"b": "64k", "compression_level": "0", "frame_duration": "60"}),
}


def write_media(path: Path, samples: Float64Array | None, picture: bool) -> None:
    """Encode a media file.

    Parameters
    ----------
    path
        Its suffix decides the container and codec: .m4a and .mp4 (AAC), .webm (Opus).
    samples
        Shape (n,), in [-1, 1], at 24 kHz; None for a file without an audio stream.
    picture
        Whether to add a video stream of black frames.
    """
    container_format, codec, options = _CODECS[path.suffix]
    with av.open(str(path), "w", format=container_format, options=BITEXACT) as container:
        video = container.add_stream("mpeg4", rate=5, width=32, height=32, pix_fmt="yuv420p") if picture else None
        if samples is not None:
            encode(container, codec, options, (np.clip(samples, -1, 1) * 32767).astype(np.int16), RATE_HZ)
        if video is not None:
            black = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), dtype=np.uint8), format="rgb24")
            for index in range(10):
                black.pts = index
                container.mux(video.encode(black))
            container.mux(video.encode(None))


def sound(kind: str, rng: Rng, n_seconds: float) -> Float64Array:
    """Synthesise a kind of sound at a random level.

    Returns
    -------
    Samples of shape (n,) at 24 kHz, with a peak of at most 0.9.
    """
    n = int(n_seconds * RATE_HZ)
    if kind == "both":
        mixed = _scaled(speech_like(rng, n)) + rng.uniform(0.15, 0.5) * _scaled(music_like(rng, n))
    elif kind == "music":
        mixed = music_like(rng, n)
    elif kind == "speech":
        mixed = speech_like(rng, n)
    else:
        mixed = noise_like(kind, rng, n)
    room = rng.normal(size=n) * 10 ** (rng.uniform(-60, -35) / 20)
    return (_scaled(mixed) + room) * rng.uniform(0.1, 0.85)


def _scaled(x: Float64Array) -> Float64Array:
    return x / max(float(np.abs(x).max()), 1e-9)


def music_like(rng: Rng, n: int) -> Float64Array:
    """Synthesise chords, a bass, a melody and often drums, in one of several timbres."""
    beat = int(RATE_HZ * 60 / rng.uniform(70, 150))
    tonic = rng.uniform(110, 220)
    scale = np.array([0, 2, 4, 5, 7, 9, 11]) if rng.random() < 0.6 else np.array([0, 2, 3, 5, 7, 8, 10])
    timbre, decay = int(rng.integers(1, 7)), float(rng.uniform(0.3, 3.0))
    drums = rng.uniform(0.1, 0.6) if rng.random() < 0.6 else 0.0
    out = np.zeros(n + 8 * beat)
    degree = 0
    for index in range(n // beat + 1):
        at = index * beat
        degree = int(rng.choice([0, 3, 4, 5])) if index % 4 == 0 else degree
        chord = [scale[(degree + step) % 7] + 12 * ((degree + step) // 7) for step in (0, 2, 4)]
        if index % 4 == 0:
            for tone in [*chord, chord[0] - 12]:
                out[at : at + 4 * beat] += note(tonic * 2 ** (tone / 12), 4 * beat, timbre, decay * 2)
        if rng.random() < 0.8:
            tone = int(rng.choice(chord)) + 12
            out[at : at + beat] += 0.7 * note(tonic * 2 ** (tone / 12), beat, timbre, decay)
        if drums:
            length = min(beat, RATE_HZ // 8)
            hit = rng.normal(size=length) * np.exp(-np.arange(length) / (RATE_HZ * 0.02))
            out[at : at + length] += drums * 2 * (np.cumsum(hit) / 12 if index % 2 == 0 else hit)
    return out[:n]


def note(frequency_hz: float, n: int, n_harmonics: int, decay: float) -> Float64Array:
    """Synthesise one tone.

    Parameters
    ----------
    n
        Number of samples.
    n_harmonics
        Harmonics including the fundamental; the k-th has the amplitude 1 / k ** 1.2.
    decay
        Rate of the exponential decay, per second. The attack takes 10 ms.
    """
    t = np.arange(n) / RATE_HZ
    turn = np.exp(2j * np.pi * frequency_hz * t)
    # Horner's method on powers of one complex rotation: one exponential per note instead of one per harmonic
    wave = np.zeros(n, dtype=complex)
    for k in range(n_harmonics, 0, -1):
        wave = (wave + 1 / k**1.2) * turn
    return np.asarray(
        wave.imag * np.minimum(t / 0.01, 1) * np.exp(-decay * t) * np.minimum((n / RATE_HZ - t) / 0.02, 1)
    )


_VOWELS_HZ = ((730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240))


def speech_like(rng: Rng, n: int) -> Float64Array:
    """Synthesise syllables: a voiced source filtered with the formants of a vowel, with fricatives and pauses."""
    out = np.zeros(n + RATE_HZ)
    pitch_hz = rng.uniform(85, 240)
    tract = rng.uniform(0.9, 1.2)
    at = int(rng.uniform(0, 0.3) * RATE_HZ)
    while at < n:
        length = int(rng.uniform(0.1, 0.28) * RATE_HZ)
        t = np.arange(length) / length
        f0 = pitch_hz * (1 + 0.15 * np.sin(2 * np.pi * (at / RATE_HZ * 0.4)) - 0.1 * t + rng.normal() * 0.04)
        pulses = np.diff(np.floor(np.cumsum(f0) / RATE_HZ), prepend=0)
        voice = signal.lfilter([1], [1, -0.95], pulses + rng.normal(size=length) * 0.01)
        for formant_hz, width_hz in zip(_VOWELS_HZ[rng.integers(len(_VOWELS_HZ))], (80, 100, 140), strict=True):
            radius = np.exp(-np.pi * width_hz / RATE_HZ)
            angle = 2 * np.pi * formant_hz * tract / RATE_HZ
            voice = signal.lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], voice)
        out[at : at + length] += _scaled(voice) * np.sin(np.pi * t) ** 0.5 * rng.uniform(0.5, 1)
        if rng.random() < 0.4:
            hiss_length = int(rng.uniform(0.04, 0.1) * RATE_HZ)
            hiss = signal.lfilter([1, -0.95], [1], rng.normal(size=hiss_length)) * np.hanning(hiss_length)
            out[at + length : at + length + hiss_length] += 0.15 * hiss[: len(out) - at - length]
            length += hiss_length
        at += length
        if rng.random() < 0.15:
            at += int(rng.uniform(0.15, 0.6) * RATE_HZ)
    return out[:n]


def noise_like(kind: str, rng: Rng, n: int) -> Float64Array:
    """Synthesise wind (slowly varying low noise), an engine (low pulses), birds (chirps over noise) or white noise."""
    t = np.arange(n) / RATE_HZ
    white = rng.normal(size=n)
    if kind == "wind":
        gusts = 1 + 0.7 * np.sin(2 * np.pi * rng.uniform(0.05, 0.3) * t + rng.uniform(0, 6))
        return np.asarray(signal.lfilter([1], [1, -rng.uniform(0.9, 0.99)], white) * gusts)
    if kind == "engine":
        phase = 2 * np.pi * np.cumsum(rng.uniform(25, 60) * (1 + 0.1 * np.sin(2 * np.pi * 0.1 * t))) / RATE_HZ
        return np.asarray(
            np.sum([np.sin(k * phase) / k for k in range(1, 12)], axis=0) + 0.4 * signal.lfilter([1], [1, -0.8], white)
        )
    if kind == "bird":
        out = 0.02 * white
        for at in rng.integers(0, max(1, n - RATE_HZ // 4), size=int(n / RATE_HZ * 2.5)):
            length = int(rng.uniform(0.05, 0.2) * RATE_HZ)
            sweep = rng.uniform(2500, 6000) * (1 + rng.uniform(-0.4, 0.4) * np.linspace(0, 1, length))
            out[at : at + length] += np.sin(2 * np.pi * np.cumsum(sweep) / RATE_HZ) * np.hanning(length)
        return np.asarray(out)
    return np.asarray(white)
