"""Measure a convolutional network on the frame features, on sources that were left out of training.

    python benchmarks/frame_network.py RESULTS PROVENANCE.csv [--detector NAME] [--steps 600]

Three convolutions over time (kernels of five frames of 46 ms, 64, 64 and 128 channels, each halving the rate), mean and
maximum over time, 64 units, softmax. Mixup, dropout and augmented versions are those of the detectors. Folds and
metrics are those of ``generalisation.py``; compare with its line "one network, uncalibrated". RESULTS must hold the
clips.
"""

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow.parquet as pq
from generalisation import N_FOLDS, family, folds_of_families
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from soundsift.config.features import FeatureParams
from soundsift.detectors.split import truth_of
from soundsift.features.augmentation import change
from soundsift.features.definition import frame_columns
from soundsift.features.frames import frame_features
from soundsift.media.clip_file import read_samples

N_FRAMES, BATCH = 216, 64
LEVEL = [column.name for column in frame_columns()[1:]].index("rms")


def picture(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Return frame features of ten seconds, averaged over pairs, the level in dB; shape (N_FRAMES, n_columns)."""
    frames = frame_features(samples, sample_rate_hz, FeatureParams())[:, 1:]
    frames[:, LEVEL] = 20 * np.log10(np.maximum(frames[:, LEVEL], 1e-5))
    frames = np.resize(frames, (2 * N_FRAMES, frames.shape[1])) if len(frames) < 2 * N_FRAMES else frames
    return frames[: 2 * N_FRAMES].reshape(N_FRAMES, 2, -1).mean(axis=1)


def network(mean: np.ndarray, variance: np.ndarray) -> Any:
    """Build the network: inputs (n, N_FRAMES, n_columns), two logits."""
    import keras

    layers = keras.layers
    inputs = keras.Input((N_FRAMES, len(mean)))
    x = layers.Activation("hard_tanh")(layers.Normalization(-1, mean, variance * 9)(inputs))
    for units in (64, 64, 128):
        x = layers.BatchNormalization()(layers.Conv1D(units, 5, padding="same")(x))
        x = layers.SpatialDropout1D(0.1)(layers.MaxPooling1D(2)(layers.Activation("relu")(x)))
    x = layers.Concatenate()([layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)])
    x = layers.Dropout(0.3)(layers.Dense(64, activation="relu")(layers.Dropout(0.3)(x)))
    return keras.Model(inputs, layers.Dense(2)(x))


def fit(x: np.ndarray, truth: np.ndarray, rows: np.ndarray, steps: int) -> Any:
    """Train on mixtures of equally many rows of both classes, each shifted by a random time."""
    import keras

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    flat = x[rows].reshape(-1, x.shape[2]).astype(np.float64)
    model = network(flat.mean(axis=0), flat.var(axis=0))
    sides = [rows[truth[rows] == value] for value in (0, 1)]
    one_hot = np.eye(2, dtype=np.float32)

    def draw() -> tuple[np.ndarray, np.ndarray]:
        chosen = rng.permutation(np.concatenate([rng.choice(side, BATCH // 2) for side in sides]))
        return np.roll(x[chosen], rng.integers(N_FRAMES), axis=1), one_hot[truth[chosen]]

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        while True:
            (a, of_a), (b, of_b) = draw(), draw()
            share = rng.random((BATCH, 1, 1), dtype=np.float32)
            yield share * a + (1 - share) * b, share[:, 0] * of_a + (1 - share[:, 0]) * of_b

    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=loss, steps_per_execution=10)
    model.fit(batches(), steps_per_epoch=steps, epochs=1, shuffle=False, verbose=0)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("provenance", type=Path)
    parser.add_argument("--detector", default="", help="only this detector")
    parser.add_argument("--steps", type=int, default=600)
    options = parser.parse_args()
    names = pq.read_schema(options.results / "features.parquet").names
    truths = [name for name in names if name.startswith("is_")]
    table = pq.read_table(options.results / "features.parquet", columns=["clip_id", "video_id", "split", *truths])
    table = table.filter([split != "eval" for split in table["split"].to_pylist()])
    paths = {path.stem: path for path in (options.results / "clips").glob("*/*.*")}
    sounds = [read_samples(paths[clip_id]) for clip_id in table["clip_id"].to_pylist()]
    n, partner, pictures = len(sounds), [], [picture(*sound) for sound in sounds]
    for clip_id, (samples, sample_rate_hz) in zip(table["clip_id"].to_pylist(), sounds, strict=True):
        rng = np.random.default_rng([crc32(clip_id.encode()), 1])
        other = int(rng.integers(n))
        changed, mixed = change(samples, sounds[other][0], sample_rate_hz, rng)
        pictures.append(picture(changed, sample_rate_hz))
        partner.append(other if mixed else -1)
    x, own, other = np.stack(pictures), np.tile(np.arange(n), 2), np.concatenate([np.full(n, -1), partner])
    is_clip = np.arange(2 * n) < n
    with open(options.provenance, encoding="utf-8") as file:
        rows = {row["video_id"]: row for row in csv.DictReader(file)}
    of_clips = [rows[video_id] for video_id in table["video_id"].to_pylist()]
    fold = folds_of_families(of_clips)
    folds = [{fold[family(source)] for source in row["source"].split("+")} for row in of_clips]
    for detector in [name.removeprefix("is_") for name in truths if options.detector in ("", name.removeprefix("is_"))]:
        known = truth_of(table, detector)[own]
        with_it = np.where(other >= 0, known[other], 0)
        truth = np.where((known == 1) | (with_it == 1), 1, np.minimum(known, with_it))
        found, seconds, model = [], 0.0, None
        for number in range(N_FOLDS):
            out = np.array([number in of for of in folds])
            train = np.flatnonzero(~out[own] & ((other < 0) | ~out[other]) & (truth >= 0))
            began = time.perf_counter()
            model = fit(x, truth, train, options.steps)
            seconds += (time.perf_counter() - began) / N_FOLDS
            logits = model.predict(x, batch_size=256, verbose=0)
            margin, row = logits[:, 1] - logits[:, 0], []
            for side in (is_clip, ~is_clip & (other < 0)):
                test = out[own] & (truth >= 0) & side
                row += [
                    roc_auc_score(truth[test], margin[test]),
                    balanced_accuracy_score(truth[test], margin[test] >= 0),
                ]
            found.append(row)
        mean, worst = np.mean(found, axis=0), np.min(found, axis=0)
        text = [f"{mean[i]:8.3f} {worst[i]:6.3f} {mean[i + 1]:10.3f} {worst[i + 1]:6.3f}" for i in (0, 2)]
        assert model is not None
        print(f"{detector:9} {'network on the frames':33}{text[0]}           {text[1]} {seconds:8.1f}", end=" ")
        print(f"{model.count_params():11,}", flush=True)


if __name__ == "__main__":
    main()
