from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soundsift.config.features import FeatureParams
from soundsift.detectors import frame_network, model_file, network
from soundsift.detectors.definition import Definition
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.inference import read_model
from soundsift.detectors.sequences import Sequences
from soundsift.features.definition import definition
from soundsift.features.frames import filters_of, frame_features
from soundsift.features.transform import transform

pytestmark = pytest.mark.tensorflow

PARAMS = FeatureParams(n_fft=1024, n_mels=64)
N_INPUTS = 7


def inputs(rng: np.random.Generator, n: int) -> np.ndarray:
    """Inputs of very different sizes, some of them far from the mean. The last one is constant."""
    x = rng.standard_t(2, size=(n, N_INPUTS)) * 10.0 ** np.arange(-3, 4) + 5
    x[:, -1] = 5
    return x.astype(np.float32)


def trained(name: str, hidden_units: list[int], n_members: int, rng: np.random.Generator) -> tuple[object, Definition]:
    """Networks with random weights and biases, averaged and calibrated."""
    import keras

    keras.utils.set_random_seed(len(name))
    params, x = Hyperparameters(hidden_units=hidden_units), inputs(rng, 200)
    moments = [network.moments_of(x, np.arange(part, len(x), n_members)) for part in range(n_members)]
    parallel = network.parallel_network(moments, params)
    parallel.set_weights(
        [w if w.dtype == object else w + rng.normal(scale=0.3, size=w.shape) for w in parallel.get_weights()]
    )
    members = [network.member_network(parallel, number, moments[number], params) for number in range(n_members)]
    columns = [f"mfcc_{i:02d}_mean" for i in range(N_INPUTS)]
    weights = [1.7, -0.3]
    known = Definition(columns, definition(22050, PARAMS), {name: 0.4}, {name: weights}, {name: weights})
    return network.detector_network([members], weights, name), known


@pytest.mark.parametrize(("hidden_units", "n_members"), [([16, 8, 4], 3), ([32], 1)])
def test_numpy_gives_the_probabilities_of_keras(
    hidden_units: list[int], n_members: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    alone = {name: trained(name, hidden_units, n_members, rng) for name in ("music", "speech")}
    filters = filters_of(22050, PARAMS)
    model_file.save(*model_file.combine(alone), filters, tmp_path / "combined.keras")
    model_file.save(*alone["music"], filters, tmp_path / "music.keras")
    x = inputs(rng, 500)
    found = read_model(tmp_path / "combined.keras").log_odds(x, [])
    assert list(found) == ["music", "speech"]
    for name, (model, _) in alone.items():
        by_keras = model_file.probabilities(model, [x])
        assert by_keras.std() > 0.05
        assert np.abs(1 / (1 + np.exp(-found[name])) - by_keras).max() < 1e-5
    assert np.array_equal(read_model(tmp_path / "music.keras").log_odds(x, [])["music"], found["music"])


def test_a_network_of_other_layers_is_refused(rng: np.random.Generator) -> None:
    import keras

    model, _ = trained("music", [8], 2, rng)
    member = keras.Sequential([keras.Input((N_INPUTS,)), keras.layers.Dense(2, "tanh")])
    other = keras.Model(model.input, keras.layers.Average()([member(model.input), member(model.input)]))
    with pytest.raises((TypeError, ValueError)):
        model_file.networks_of(other)


@pytest.mark.parametrize("with_statistics", [True, False])
def test_numpy_gives_the_probabilities_of_keras_on_frames_of_any_length(
    with_statistics: bool, tmp_path: Path, rng: np.random.Generator
) -> None:
    lengths, n_columns = (8, 13, 64, 67, 216), 5
    sequences = [
        (10.0 ** np.arange(-2, 3) * rng.standard_t(3, size=(n, n_columns)) + 3).astype(np.float32) for n in lengths
    ]
    members = []
    for number in range(2):
        of_all = Sequences.of(sequences)
        member = frame_network.frame_network(
            network.moments_of(of_all.values, of_all.steps(np.arange(5))), 3.0, f"frames_{number}"
        )
        # as after training: no weight, mean or variance has the value at which it starts
        for layer in member.layers[4:]:
            layer.set_weights(
                [np.abs(w + rng.normal(scale=0.2, size=w.shape)) if "variance" in v.path else w + rng.normal(scale=0.2, size=w.shape)
                 for v, w in zip(layer.weights, layer.get_weights(), strict=True)]
            )  # fmt: skip
        members.append(member)
    statistics, known = trained("music", [8], 2, rng)
    parts = [[layer for layer in statistics.layers if layer.name.startswith("member_")]] if with_statistics else []
    weights = [0.7] * len(parts) + [1.3, -0.2]
    model = network.detector_network([*parts, members], weights, "music")
    known = replace(known, calibrations={"music": weights}, window_calibrations={"music": weights})
    model_file.save(model, known, filters_of(22050, PARAMS), tmp_path / "music.keras")
    x = inputs(rng, len(lengths))
    found = read_model(tmp_path / "music.keras").log_odds(x, sequences)["music"]
    by_keras = []
    for row, sequence in zip(x, sequences, strict=True):
        given = [row[np.newaxis], sequence[np.newaxis]] if with_statistics else sequence[np.newaxis]
        by_keras.append(float(np.asarray(model(given, training=False))[0, 1]))
    assert np.std(by_keras) > 0.01
    assert 1 / (1 + np.exp(-found)) == pytest.approx(by_keras, abs=1e-5)


def test_filters_from_the_file_give_exactly_the_features_of_training(tmp_path: Path, rng: np.random.Generator) -> None:
    model_file.save(*trained("music", [4], 1, rng), filters_of(22050, PARAMS), tmp_path / "music.keras")
    model = read_model(tmp_path / "music.keras")
    params, sample_rate_hz = model.definition.feature_params()
    for n in (50, 22050, 66150):
        samples = rng.normal(scale=0.1, size=n).astype(np.float32)
        given = transform(samples, sample_rate_hz, params, model.filters)
        assert np.array_equal(given, frame_features(samples, 22050, PARAMS))
