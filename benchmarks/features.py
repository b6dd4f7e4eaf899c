"""Compare frame features with librosa's separate calls: differences, and milliseconds per clip.

    SOUNDSIFT_RECORDINGS=... python benchmarks/features.py [--clips 200] [--runs 5]

Without the recordings the clips are synthetic. audioflux and opensmile are timed too if they are installed; they are
not dependencies. Everything runs in one thread. A clip is ten seconds at 22,050 Hz.
"""

import argparse
import csv
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np

from soundsift.config.features import FeatureParams
from soundsift.demo import RATE_HZ as DEMO_RATE_HZ
from soundsift.demo import sound
from soundsift.features.definition import frame_columns
from soundsift.features.frames import frame_features
from soundsift.features.statistics import STATISTICS, FrameSeries, summarize
from soundsift.media import decode
from tests.unit.features.test_frames import odd_signals, separately

RATE_HZ = 22050
PARAMS = FeatureParams()
NAMES = [column.name for column in frame_columns()]
GROUPS = {"mfcc": "mfcc_", "chroma": "chroma_"} | {
    name: name for name in NAMES if name[:4] not in ("mfcc", "chro", "time")
}
Samples = np.ndarray


def clips(n_clips: int) -> list[Samples]:
    """Return signals of ten seconds, float32: real recordings if available, else synthetic sounds."""
    if "SOUNDSIFT_RECORDINGS" not in os.environ:
        rng = np.random.default_rng(0)
        kinds = ("music", "speech", "both", "wind", "engine", "bird", "noise")
        made = [sound(kinds[i % len(kinds)], rng, 10.0) for i in range(n_clips)]
        return [librosa.resample(y, orig_sr=DEMO_RATE_HZ, target_sr=RATE_HZ).astype(np.float32) for y in made]
    folder = Path(os.environ["SOUNDSIFT_RECORDINGS"])
    with open(folder / "train_segments.csv", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file, skipinitialspace=True) if not row[0].startswith("#")]
    found = []
    for video_id, start, end, *_ in rows[:n_clips]:
        path = next(path for path in (folder / "media").iterdir() if path.stem == video_id)
        cut = decode.cut(path, float(start), float(end), RATE_HZ)
        found.append(np.array(cut.get_array_of_samples(), dtype=np.float32) / 32768)
    return found


def worst(signals: list[Samples], sample_rate_hz: int = RATE_HZ) -> dict[str, float]:
    """Worst difference from librosa's separate call, relative to each column's range over the clip, by group.

    For the roll-off it is the share of frames that differ by a bin, the most that any frame may.
    """
    found = dict.fromkeys(GROUPS, 0.0)
    n_frames = n_other_bin = 0
    for y in signals:
        ours = dict(zip(NAMES, frame_features(y, sample_rate_hz, PARAMS).T, strict=True))
        for name, expected in separately(y, sample_rate_hz).items():
            group = next(group for group, start in GROUPS.items() if name.startswith(start))
            error = np.abs(ours[name] - expected)
            if group == "spectral_rolloff_hz":
                assert error.max() <= 1.01 * sample_rate_hz / PARAMS.n_fft
                n_other_bin += int((error > 1).sum())
                n_frames += len(error)
                continue
            # A constant column has no range: its magnitude is used instead, or 1 if that is a rounding error.
            span = max(float(np.ptp(expected)), 1e-3 * float(np.abs(expected).max()), 1e-3)
            found[group] = max(found[group], float(error.max()) / span)
    found["spectral_rolloff_hz"] = n_other_bin / n_frames
    return found


def parity(signals: list[Samples]) -> None:
    """Print the table of differences."""
    short = {
        name: name.removeprefix("spectral_").removesuffix("_hz").replace("zero_crossing_rate", "zcr") for name in GROUPS
    }
    print(
        "worst difference from librosa's own call, of the range over the clip (roll-off: share of frames off by a bin)"
    )
    print(f"{'signal':28} " + " ".join(f"{short[name]:>9}" for name in GROUPS))
    rows = {f"{len(signals)} clips": worst(signals)}
    rows |= {name: worst([y]) for name, y in odd_signals().items()}
    rows |= {f"noise at {rate} Hz": worst([odd_signals(rate)["noise"]], rate) for rate in (8000, 16000, 44100, 48000)}
    rows |= {"30 s": worst([np.concatenate(signals[:3])])}
    for name, found in rows.items():
        print(f"{name:28} " + " ".join(f"{found[group]:9.1e}" for group in GROUPS))


def librosa_separately(y: Samples) -> None:
    """Compute every feature with librosa's own call from the samples, with its default estimate of the tuning."""
    librosa.feature.mfcc(y=y, sr=RATE_HZ, n_mfcc=20)
    librosa.feature.spectral_centroid(y=y, sr=RATE_HZ)
    librosa.feature.spectral_bandwidth(y=y, sr=RATE_HZ)
    librosa.feature.spectral_rolloff(y=y, sr=RATE_HZ)
    librosa.feature.zero_crossing_rate(y)
    librosa.feature.rms(y=y)
    librosa.feature.chroma_stft(y=y, sr=RATE_HZ)


def librosa_shared(y: Samples) -> None:
    """Call librosa with one transform shared by all calls, and a given tuning."""
    magnitude = np.abs(librosa.stft(y))
    power = magnitude**2
    mel = librosa.feature.melspectrogram(S=power, sr=RATE_HZ)
    librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=20)
    centroid = librosa.feature.spectral_centroid(S=magnitude, sr=RATE_HZ)
    librosa.feature.spectral_bandwidth(S=magnitude, sr=RATE_HZ, centroid=centroid)
    librosa.feature.spectral_rolloff(S=magnitude, sr=RATE_HZ)
    librosa.feature.zero_crossing_rate(y)
    librosa.feature.rms(S=magnitude)
    librosa.feature.chroma_stft(S=power, sr=RATE_HZ, tuning=0.0)


def ways() -> dict[str, Callable[[Samples], object]]:
    """Return the timed functions; each takes ten seconds of samples."""
    found: dict[str, Callable[[Samples], object]] = {
        "librosa, call by call": librosa_separately,
        "librosa, one STFT, tuning given": librosa_shared,
        "librosa's STFT alone": lambda y: librosa.stft(y),
        "soundsift": lambda y: frame_features(y, RATE_HZ, PARAMS),
        "soundsift, with the statistics": lambda y: summarize(
            FrameSeries(frame_features(y, RATE_HZ, PARAMS)[:, 1:], RATE_HZ / 512), list(STATISTICS)
        ),
    }
    try:
        import audioflux as af

        linear = af.type.SpectralFilterBankScaleType.LINEAR
        bft = af.BFT(
            num=1025, radix2_exp=11, samplate=RATE_HZ, slide_length=512, scale_type=linear,
            data_type=af.type.SpectralDataType.POWER,
        )  # fmt: skip
        mel = af.BFT(
            num=128, radix2_exp=11, samplate=RATE_HZ, slide_length=512,
            scale_type=af.type.SpectralFilterBankScaleType.MEL, data_type=af.type.SpectralDataType.POWER,
        )  # fmt: skip
        spectral = af.Spectral(num=bft.num, fre_band_arr=bft.get_fre_band_arr())
        cepstral = af.XXCC(num=mel.num)

        def audioflux(y: Samples) -> None:
            power = bft.bft(y, result_type=1)
            bands = mel.bft(y, result_type=1)
            spectral.set_time_length(power.shape[-1])
            cepstral.set_time_length(bands.shape[-1])
            cepstral.xxcc(bands, cc_num=20)
            spectral.centroid(power), spectral.spread(power), spectral.rolloff(power), spectral.rms(power)

        found["audioFlux, without chroma and ZCR"] = audioflux
    except ImportError:
        print("audioflux is not installed: left out")
    try:
        import opensmile

        smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet.ComParE_2016, feature_level=opensmile.FeatureLevel.LowLevelDescriptors
        )
        found["openSMILE, ComParE 2016, 65 other columns"] = lambda y: smile.process_signal(y, RATE_HZ)
    except ImportError:
        print("opensmile is not installed: left out")
    return found


def times(signals: list[Samples], n_runs: int) -> None:
    """Print milliseconds per clip; every run times all functions in turn."""
    timed = ways()
    found: dict[str, list[float]] = {name: [] for name in timed}
    for way in timed.values():
        way(signals[0])
    for _ in range(n_runs):
        for name, way in timed.items():
            few = signals[:20]
            began = time.perf_counter()
            for y in few:
                way(y)
            found[name].append((time.perf_counter() - began) / len(few) * 1000)
    median = {name: statistics.median(runs) for name, runs in found.items()}
    print(f"\n{'':42} {'ms a clip':>9} {'spread':>13} {'of librosa':>10} {'STFTs':>6}")
    for name, runs in found.items():
        ratio = median["librosa, call by call"] / median[name]
        stfts = median[name] / median["librosa's STFT alone"]
        print(f"{name:42} {median[name]:9.1f} {min(runs):5.1f} - {max(runs):5.1f} {f'1/{ratio:.1f}':>10} {stfts:6.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=200, help="for the comparison; 20 of them are timed")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    signals = clips(options.clips)
    parity(signals)
    times(signals, options.runs)


if __name__ == "__main__":
    main()
