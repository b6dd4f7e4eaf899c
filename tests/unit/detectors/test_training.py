import logging
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from soundsift.detectors import calibration, frame_network, model_file, network, training
from soundsift.detectors.columns import HISTORY_COLUMNS
from soundsift.detectors.drawing import stream
from soundsift.detectors.examples import Examples
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.inference import calibrated
from soundsift.detectors.sequences import NO_SEQUENCES, Sequences
from soundsift.detectors.training import train
from soundsift.errors import TrainingError

pytestmark = pytest.mark.tensorflow

QUICK = Hyperparameters(model="statistics", members=3, min_steps=120, passes=1)


@pytest.fixture(autouse=True)
def short_crops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crops in proportion to the short sequences of these tests, on which networks train in half of the time."""
    monkeypatch.setattr(frame_network, "CROP_STEPS", (40, 64, 96))


def rows(x: np.ndarray, truth: np.ndarray, video: np.ndarray, partner: np.ndarray, n_clips: int) -> Examples:
    """Clips and, after them, one changed version of each, without windows and sequences."""
    n = len(x)
    return Examples(
        x, truth, video, partner, n_clips, np.r_[np.zeros(n_clips, int), np.ones(n - n_clips, int)],
        np.zeros(n, dtype=bool), np.full(n, -1), NO_SEQUENCES,
    )  # fmt: skip


def problem(n: int = 200, seed: int = 0, apart: float = 3.0) -> Examples:
    """Two classes that differ in one of three inputs of very different scales, and an augmented version of every clip."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 2
    x = rng.normal(size=(n, 3))
    x[:, 1] += apart * truth
    x = (x * [1, 1000, 0.001] + [0, 5000, 0]).astype(np.float32)
    both = np.concatenate([np.arange(n), np.arange(n)])
    return rows(np.concatenate([x, x]), truth[both], both, np.full(2 * n, -1), n)


def dense_shapes(model: object) -> list[tuple[int, str]]:
    return [(layer.units, layer.activation.__name__) for layer in model.layers if hasattr(layer, "units")]


def test_a_detector_learns_what_can_be_learned_and_its_networks_have_the_default_shape() -> None:
    trained = train("music", problem(), Hyperparameters(model="statistics", min_steps=150))
    new = problem(seed=1)
    probability = model_file.probabilities(trained.model, [new.x])
    assert ((probability >= trained.threshold) == new.truth).mean() > 0.9
    members = [layer for layer in trained.model.layers if layer.name.startswith("member_")]
    assert len(members) == 6
    for member in members:
        assert dense_shapes(member) == [(256, "relu"), (128, "relu"), (64, "relu"), (2, "linear")]
    assert dense_shapes(trained.model) == [(2, "softmax")]
    assert trained.threshold == 0.5
    assert trained.history["epoch"].to_pylist() == list(range(1, 31))
    assert trained.history["val_loss"].to_pylist()[-1] < trained.history["val_loss"].to_pylist()[0]
    # mixtures stay hard
    assert trained.history["loss"].to_pylist()[-1] > trained.history["val_loss"].to_pylist()[-1]


def test_members_hold_out_recordings_also_where_all_have_the_class() -> None:
    examples = problem()
    recordings = replace(examples, video=examples.video // 2 % 6)  # clips with and without the class in each
    part = training._parts(recordings, QUICK)
    assert np.bincount(part, minlength=3)[:3].min() >= 2 and part.max() == 2
    # the networks on frames leave out two of six parts at once: 0 and 3, 1 and 4, or 2 and 5
    for seed in range(20):
        two_lack_it = np.where(np.isin(recordings.video, [1, 4]), recordings.truth, 1)
        part = training._parts(replace(recordings, truth=two_lack_it), replace(QUICK, members=6, seed=seed))
        for of_video in (part, part % 3):
            others = [two_lack_it[:200][of_video[recordings.video[:200]] != number] for number in set(of_video)]
            assert part.max() == 0 or all(len(set(truth)) == 2 for truth in others)
    one_has_it = np.where(recordings.video == 0, recordings.truth, 0)
    assert training._parts(replace(recordings, truth=one_has_it), QUICK).max() == 0


def test_a_member_and_its_scaler_are_not_trained_on_the_videos_it_holds_out() -> None:
    # mistake 5 of the first version: the scaler was fitted on test data too
    examples = problem()
    partner = examples.partner.copy()
    partner[200] = 7  # a version of clip 0 with clip 7 mixed in
    examples = replace(examples, partner=partner)
    part = training._parts(examples, QUICK)
    assert sorted(np.bincount(part)) == [66, 67, 67]
    for number in range(3):
        used = training._training_rows(examples, part, number)
        assert not {row for row in used if part[examples.video[row]] == number}
        assert (200 in used) == (number % 2 == 0 and number not in (part[0], part[7]))
    model = train("music", examples, QUICK).model
    first = training._training_rows(examples, part, 0)
    mean = np.asarray(model.get_layer("member_1").get_layer("standardise").mean)[0]
    assert mean == pytest.approx(examples.x[first].mean(axis=0), rel=1e-4)
    assert mean[1] != pytest.approx(examples.x.mean(axis=0)[1], rel=1e-6)


def test_the_same_clips_and_seed_give_the_same_detector() -> None:
    x = problem(seed=1).x
    first, again, other = (
        model_file.probabilities(train("music", problem(), replace(QUICK, min_steps=30, seed=seed)).model, [x])
        for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_networks_on_several_sets_learn_from_their_own_rows_only() -> None:
    examples = problem()
    both, first = np.arange(200), np.arange(60)
    models = training.train_each("music", examples, [both, first], replace(QUICK, min_steps=60))
    new = problem(seed=1)
    for rows_of_set, model in zip((both, first), models, strict=True):
        (member,) = [layer for layer in model.layers if layer.name.startswith("member_")]
        mean = np.asarray(member.get_layer("standardise").mean)[0]
        assert mean == pytest.approx(examples.x[rows_of_set].mean(axis=0), rel=1e-4)
        assert ((model_file.probabilities(model, [new.x]) >= 0.5) == new.truth).mean() > 0.85


def test_inputs_beyond_the_limit_count_as_the_limit() -> None:
    model = train("music", problem(), QUICK).model
    limit = np.array([[0, 5000 + 1000 * 3.4 * 3, 0]], dtype=np.float32)
    far = np.array([[0, 1e9, 0]], dtype=np.float32)
    inside, *_ = problem().x
    at_limit, beyond, within = (model_file.probabilities(model, [x])[0] for x in (limit, far, inside[np.newaxis]))
    assert at_limit == pytest.approx(beyond, abs=1e-6)
    assert at_limit != pytest.approx(within, abs=1e-3)


@pytest.mark.parametrize("balance", ["equal", "weights", "none"])
def test_rare_classes_are_learned_whatever_the_balance(balance: str) -> None:
    examples = problem(apart=4.0)
    keep = np.flatnonzero((examples.truth == 0) | (np.arange(400) % 20 == 1))
    rare = rows(
        examples.x[keep], examples.truth[keep], examples.video[keep], examples.partner[keep], int((keep < 200).sum())
    )
    trained = train("music", rare, replace(QUICK, balance=balance, min_steps=150))
    new = problem(seed=1, apart=4.0)
    predicted = model_file.probabilities(trained.model, [new.x]) >= trained.threshold
    assert trained.threshold == pytest.approx(10 / 110)
    assert predicted[new.truth == 1].mean() > 0.85
    assert predicted[new.truth == 0].mean() < 0.15


def test_too_few_videos_train_one_network_that_is_not_calibrated() -> None:
    few = problem(6)
    one_positive = rows(few.x[:5], np.array([1, 0, 0, 0, 0]), few.video[:5], few.partner[:5], 5)
    params = replace(QUICK, min_steps=30)
    trained = train("music", one_positive, params)
    assert (trained.threshold, trained.weights) == (0.5, [1.0, 0.0])
    assert trained.history["val_loss"].null_count == 30
    two = train("music", rows(few.x[:4], few.truth[:4], few.video[:4], few.partner[:4], 4), params)
    assert sum(layer.name.startswith("member_") for layer in two.model.layers) == 2


def test_constant_inputs_are_named_and_nothing_but_constants_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    examples = problem(40)
    examples.x[:, 2] = 7.0
    with caplog.at_level(logging.WARNING):
        trained = train("music", examples, QUICK, ["a", "b", "c"])
    assert "music: constant over all training clips and therefore without effect: c" in caplog.text
    probability = model_file.probabilities(trained.model, [examples.x])
    other = examples.x.copy()
    other[:, 2] = 9.0
    assert np.array_equal(model_file.probabilities(trained.model, [other]), probability)
    examples.x[:] = 7.0
    with pytest.raises(TrainingError, match="detector music: no feature differs between the training clips"):
        train("music", examples, QUICK)


@pytest.mark.parametrize("windows", [False, True])
def test_a_detector_that_learned_nothing_gives_the_more_frequent_answer(
    windows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = problem(40)
    keep = np.flatnonzero((examples.truth[:40] == 0) | (np.arange(40) % 10 == 1))
    n = len(keep)
    rare = rows(examples.x[keep], examples.truth[keep], np.arange(n), np.full(n, -1), n)
    if windows:
        rare = replace(rare, is_window=np.where(rare.truth == 1, np.cumsum(rare.truth), np.arange(n)) % 2 == 1)
    calls = iter([calibration.Calibration([2.0, 0.0], True), calibration.Calibration([1e-3, 0.0], False)])

    def reversed_order(margins: np.ndarray, truth: np.ndarray, counts: np.ndarray) -> calibration.Calibration:
        return next(calls) if windows else calibration.calibrate(-margins, truth, counts)

    monkeypatch.setattr(training, "calibrate", reversed_order)
    trained = train("music", rare, replace(QUICK, min_steps=120))
    if windows:
        assert trained.window_weights == trained.weights == [2.0, 0.0]
    else:
        assert trained.threshold == 0.5
        assert not trained.held_out.separates
        assert trained.held_out.remark.startswith("its networks do not separate the clips that they held out, so")
        assert (model_file.probabilities(trained.model, [problem(seed=1).x]) < 0.5).all()


def test_calibration_is_platts_and_finite_where_the_classes_separate_completely() -> None:
    rng = np.random.default_rng(0)
    truth = (np.arange(300) % 3 == 0).astype(np.int64)
    margins = 3 * (2 * truth - 1) * rng.uniform(-0.2, 1, size=300) + rng.normal(size=300)
    n = truth.sum()
    target = np.where(truth == 1, (n + 1) / (n + 2), 1 / (300 - n + 2))

    def loss(ab: np.ndarray) -> float:
        z = ab[0] * margins[:, 0] + ab[1]
        return float(np.sum(np.logaddexp(0, z) - target * z))

    margins = margins[:, np.newaxis]
    assert calibration.calibrate(margins, truth).weights == pytest.approx(
        minimize(loss, [1.0, 0.0]).x, rel=1e-2, abs=1e-2
    )
    # margins that rank the classes the wrong way round: every clip gets the share of positives
    slope, shift = calibration.calibrate(-margins, truth).weights
    assert 1 / (1 + np.exp(-slope * margins[:, 0] - shift)) == pytest.approx(np.full(300, truth.mean()), abs=0.01)
    slope, shift = calibration.calibrate(np.array([[-2.0], [-1.0], [1.0], [2.0]]), np.array([0, 0, 1, 1])).weights
    assert 0 < slope < 5
    assert shift == pytest.approx(0, abs=0.01)


def test_parts_are_weighted_by_what_they_are_worth_and_none_is_weighted_against_the_class() -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(2000) % 2
    sides = 2.0 * truth - 1
    good, poor = sides + rng.normal(scale=1.0, size=2000), sides + rng.normal(scale=2.0, size=2000)
    # independent normal margins: the log-odds are the sum of 2 / variance times each
    assert calibration.calibrate(np.stack([good, poor], axis=1), truth).weights == pytest.approx([2, 0.5, 0], abs=0.2)
    slope, of_reversed, shift = calibration.calibrate(np.stack([good, -poor], axis=1), truth).weights
    assert of_reversed == 0
    assert [slope, shift] == pytest.approx(calibration.calibrate(good[:, np.newaxis], truth).weights)


def events(n: int, seed: int) -> Examples:
    """Noise in which a short event rises or falls, so that only the order of the steps tells the classes apart.

    Of every clip there is the whole, 40 to 60 steps, and a window of 24 steps with the event in it.
    """
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 2
    wholes, windows = [], []
    for present in truth:
        steps = rng.normal(scale=0.3, size=(int(rng.integers(40, 61)), 20))
        first = int(rng.integers(10, 20))
        steps[first : first + 8] += np.linspace(-2, 2, 8)[:: 1 if present else -1, np.newaxis]
        wholes.append(steps)
        windows.append(steps[first - 8 : first + 16])
    both = np.tile(np.arange(n), 2)
    x = rng.normal(size=(2 * n, 3)).astype(np.float32)
    return Examples(
        x, truth[both], both, np.full(2 * n, -1), n, np.zeros(2 * n, int), np.arange(2 * n) >= n, np.arange(2 * n),
        Sequences.of([*wholes, *windows]),
    )  # fmt: skip


@pytest.mark.parametrize("model", ["frames", "both"])
def test_networks_on_frames_learn_the_order_of_events_and_are_calibrated_for_clips_and_windows(model: str) -> None:
    trained = train("music", events(160, 0), replace(QUICK, model=model, min_steps=160))
    members = [layer for layer in trained.model.layers if layer.name.startswith("frames_")]
    assert len(members) == 3
    new = events(100, 1)
    networks = model_file.networks_of(trained.model)
    assert (networks.statistics is None) == (model == "frames")
    for is_window, weights in ((False, trained.weights), (True, trained.window_weights)):
        chosen = np.flatnonzero(new.is_window == is_window)
        margins = networks.margins(new.x[chosen], [new.sequences.whole(int(i)) for i in chosen])
        found = calibrated(margins, weights) > 0
        assert (found == new.truth[chosen]).mean() > 0.9, is_window
    if model == "both":
        # the statistics are noise
        assert trained.weights[0] < 0.3 * trained.weights[1]
    assert trained.history["epoch"].to_pylist() == list(range(1, 31))
    assert trained.history["loss"].to_pylist()[-1] < trained.history["loss"].to_pylist()[0]
    assert trained.history["val_loss"].null_count == (30 if model == "frames" else 0)


def test_a_sample_with_more_of_the_rarer_class_is_calibrated_for_the_whole_list() -> None:
    rng = np.random.default_rng(0)
    truth = (np.arange(20_000) % 10 == 0).astype(np.int64)
    margins = (2.0 * truth - 1 + rng.normal(size=20_000))[:, np.newaxis]
    wanted = np.ones(20_000, dtype=bool)
    usable = (truth == 1) | (rng.random(20_000) < 0.1)
    counts = training._counts(truth, wanted, usable)
    assert counts.mean() == pytest.approx(1)
    sampled = calibration.calibrate(margins[usable], truth[usable], counts).weights
    assert sampled == pytest.approx(calibration.calibrate(margins, truth).weights, abs=0.15)
    assert abs(calibration.calibrate(margins[usable], truth[usable]).weights[1] - sampled[1]) > 1.5
    assert (training._counts(truth, wanted, wanted) == 1).all()


def test_a_network_on_frames_with_one_class_only_is_refused_in_one_line() -> None:
    examples = events(40, 0)
    few = replace(examples, sequence=np.where(examples.truth == 1, -1, examples.sequence))
    with pytest.raises(TrainingError, match="detector music: a network on frames would have clips of one class only"):
        train("music", few, replace(QUICK, model="frames"))


def test_the_same_sequences_and_seed_give_the_same_networks_on_frames() -> None:
    params = replace(QUICK, model="frames", members=1, min_steps=20)
    first, again, other = (train("a", events(40, 0), replace(params, seed=seed)).model for seed in (3, 3, 4))
    x = np.stack([events(40, 1).sequences.crops(np.array([i]), 30, np.random.default_rng(0))[0] for i in range(10)])
    assert np.array_equal(first.predict_on_batch(x), again.predict_on_batch(x))
    assert not np.array_equal(first.predict_on_batch(x), other.predict_on_batch(x))


@pytest.mark.parametrize("n_steps", [12, 40])
def test_every_column_and_every_step_of_a_crop_can_be_masked(n_steps: int) -> None:
    mean, x = np.arange(37, dtype=np.float32), np.full((3000, n_steps, 37), -1, dtype=np.float32)
    frame_network._mask(x, mean, np.random.default_rng(0))
    masked = x != -1
    assert (x[masked] == np.broadcast_to(mean, x.shape)[masked]).all()
    columns, steps = masked.all(axis=1), masked.all(axis=2)
    assert columns.any(axis=0).all()
    assert steps.any(axis=0).all()
    assert columns.sum(axis=1).max() == frame_network.MASK_COLUMNS
    assert steps.sum(axis=1).max() == round(n_steps * frame_network.MASK_STEPS_SHARE)


def test_a_network_on_frames_is_not_trained_on_the_videos_it_holds_out(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = events(40, 0)
    partner = examples.partner.copy()
    partner[3] = 7
    examples = replace(examples, partner=partner)
    used = []

    def noted(sequences: Sequences, truth: np.ndarray, rows: list[np.ndarray], params: Hyperparameters) -> object:
        used.extend(set(of_member.tolist()) for of_member in rows)
        moments = network.moments_of(sequences.values, sequences.steps(np.arange(40)))
        networks = [frame_network.frame_network(moments, 3.0, f"frames_{i + 1}") for i in range(len(rows))]
        return networks, {c.name: [] for c in HISTORY_COLUMNS}

    monkeypatch.setattr(frame_network, "fit", noted)
    train("music", examples, replace(QUICK, model="frames"))
    part = training._parts(examples, QUICK)
    for number, numbers in enumerate(used):
        held_out = set(np.flatnonzero(part[examples.video[:40]] == number).tolist())
        held_out |= {3} if part[7] == number else set()
        assert numbers == set(range(40)) - held_out


def test_batches_go_through_every_clip_before_any_comes_again() -> None:
    numbers = np.arange(100, 140)
    truth = np.zeros(140, dtype=np.int64)
    drawn_batches = stream(numbers, truth, "none", np.random.default_rng(0), 16)
    drawn = np.concatenate([next(drawn_batches) for _ in range(5)])
    assert sorted(drawn[:40]) == sorted(drawn[40:]) == numbers.tolist()


def test_the_parallel_network_and_each_member_have_the_layers_of_the_table_and_give_the_same_logits() -> None:
    x = problem().x[:50]
    params = Hyperparameters(hidden_units=[5, 4], input_limit=2.0)
    moments = [network.moments_of(x, np.arange(50)[part::2]) for part in range(2)]
    parallel = network.parallel_network(moments, params)
    table = network.layers_of(params)
    assert [layer.name for layer in parallel.layers[1:]] == [layer.name for layer in table]
    logits = np.asarray(parallel(np.repeat(x[:, np.newaxis], 2, axis=1), training=False))
    for number in range(2):
        member = network.member_network(parallel, number, moments[number], params)
        assert [layer.name for layer in member.layers[1:]] == [one.name for one in table if one.kind != "dropout"]
        assert np.asarray(member(x)) == pytest.approx(logits[:, number], abs=1e-5)
    assert np.abs(logits[:, 0] - logits[:, 1]).max() > 0.01
    margins = network.held_out_margins(parallel, x, np.array([3, 8]), np.array([1, 0]))
    assert margins == pytest.approx([np.diff(logits[3, 1])[0], np.diff(logits[8, 0])[0]], abs=1e-5)
