import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundsift import cli, load
from soundsift.config.features import FeatureParams
from soundsift.detectors.definition import ARRAYS, MEMBER, read_definition
from soundsift.detectors.inference import read_model
from soundsift.errors import SoundsiftError, TrainingError
from soundsift.features.definition import definition
from tests.unit.detection.models import RATE_HZ, write_tone_model
from tests.unit.detectors.test_metrics import HELD_OUT

FEATURES = definition(RATE_HZ, FeatureParams())
ABOUT = {"classes": ["Tone"], "except": [], "n_train": 9, "train_positives": 4, "n_eval": 2, "positives": 1}


def edited(path: Path, **changes: Any) -> Path:
    """Write the model of a tone with another definition."""
    write_tone_model(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    known = json.loads(members[MEMBER]) | changes
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (members | {MEMBER: json.dumps(known).encode()}).items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"thresholds": {"tone": None}}, "the threshold of tone is None, not a number from 0 to 1"),
        ({"thresholds": {"tone": "0.5"}}, "the threshold of tone is 0.5, not a number from 0 to 1"),
        ({"thresholds": {"tone": float("nan")}}, "the threshold of tone is nan, not"),
        ({"thresholds": {"tone": 1.5}}, "the threshold of tone is 1.5, not"),
        ({"thresholds": {}}, "it has no threshold of any detector"),
        ({"thresholds": {"tone": 0.5, "noise": 0.5}}, "the weights of noise for clips are None, not a slope"),
        ({"calibrations": {}}, "the weights of tone for clips are None, not a slope of each part and a shift"),
        ({"window_calibrations": {"tone": [0.0]}}, "the weights of tone for windows are [0.0], not a slope"),
        ({"window_calibrations": {"tone": [1.0, None]}}, "the weights of tone for windows are [1.0, None], not"),
        ({"window_calibrations": {"tone": [float("inf"), 0.0]}}, "the weights of tone for windows are [inf, 0.0], not"),
        ({"thresholds": {"tone": 10**400}}, "int too large to convert to float"),
        ({"window_calibrations": {"tone": [10**400, 0]}}, "int too large to convert to float"),
        ({"features": {"sample_rate_hz": "much"}}, "the definition of features lacks"),
        ({"features": FEATURES | {"hop_length": "0"}}, "hop_length of its features is 0, which is out of range"),
        ({"features": FEATURES | {"n_fft": str(10**400)}}, f"n_fft of its features is 1{19 * '0'}, which is out of"),
        ({"features": FEATURES | {"rolloff_fraction": "nan"}}, "rolloff_fraction of its features is nan, which is"),
        ({"features": FEATURES | {"sample_rate_hz": "-1"}}, "sample_rate_hz of its features is -1, which is out of"),
        ({"about": [1]}, "'list' object has no attribute 'items'"),
        ({"about": {"tone": 3}}, "its description of 'tone' is damaged"),
        ({"about": {"tone": ABOUT | {"classes": "Tone"}}}, "its description of 'tone' is damaged"),
        ({"about": {"tone": ABOUT | {"positives": "1"}}}, "its description of 'tone' is damaged"),
        ({"about": {"tone": ABOUT | {"f1": [0.9, 0.8]}}}, "its description of 'tone' is damaged"),
        ({"about": {"tone": ABOUT | {"f1": [float("nan"), 0.8, 1]}}}, "its description of 'tone' is damaged"),
        ({"about": {"tone": ABOUT | {"f1": [0.9, 0.8, True]}}}, "its description of 'tone' is damaged"),
        ({"about": {"tone": ABOUT | {"n_train": -9}}}, "its description of 'tone' is damaged"),
        ({"about": {"tone": ABOUT | {"positives": 3}}}, "its description of 'tone' is damaged"),
        ({"held_out": {"tone": 3}}, "must be a mapping, not int"),
        ({"held_out": {"tone": asdict(HELD_OUT) | {"low": "0.4"}}}, "'<=' not supported between"),
        ({"about": {"a\nb\x1b": ABOUT}}, r"its description of 'a\nb\x1b' is damaged"),
        ({"thresholds": {"a\nb\x1b": 0.5}}, r"a detector is named 'a\nb\x1b', not by small letters, digits and _"),
        ({"thresholds": {"tone\n": 0.5}}, r"a detector is named 'tone\n', not"),
        ({"thresholds": {"tone": True}}, "the threshold of tone is True, not a number from 0 to 1"),
    ],
)
@pytest.mark.parametrize("read", [read_definition, read_model])
def test_a_definition_with_which_nothing_can_be_calculated_is_refused(
    read: Callable[[Path], object], changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(SoundsiftError) as error:
        read(edited(tmp_path / "a.keras", **changes))
    assert reason in str(error.value)
    assert f"{tmp_path / 'a.keras'} is not a detector" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"calibrations": {"tone": [1.0, 1.0, 0.0]}}, "tone has 1 parts, but 3 weights instead of 2"),
        ({"window_calibrations": {"tone": [1.0, 1.0, 0.0]}}, "tone has 1 parts, but 3 weights instead of 2"),
        ({"columns": ["rms_mean"]}, "tone takes 2 inputs, but 1 are named"),
    ],
)
def test_a_definition_that_does_not_fit_the_networks_is_refused(
    changes: dict[str, Any], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = edited(tmp_path / "a.keras", **changes)
    with pytest.raises(TrainingError, match=rf"a.keras is not a detector of this workflow \({reason}\)"):
        read_model(path)
    assert cli.main(["info", str(path)]) != 0
    assert reason in capsys.readouterr().err


def test_a_description_as_it_is_written_is_read(tmp_path: Path) -> None:
    about = {"tone": ABOUT | {"f1": [0.9, 0.8, 1]}}
    assert read_definition(edited(tmp_path / "a.keras", about=about)).about == about


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"features": FEATURES | {"n_fft": "1024"}}, "operands could not be broadcast together"),
        ({"features": FEATURES | {"n_mels": "64"}}, "could not broadcast"),
        ({"features": FEATURES | {"hop_length": str(10**9)}}, "zero-size array"),
        ({"features": FEATURES | {"hop_length": str(10**400)}}, "arrays used as indices"),
        ({"columns": ["rms_mean", 2]}, "'int' object has no attribute"),
        ({"columns": ["rms_mean", "loudness_mean"]}, "the features table lacks the column loudness_mean"),
    ],
)
def test_a_model_that_cannot_be_applied_to_sound_is_refused_in_one_line(
    changes: dict[str, Any], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = edited(tmp_path / "a.keras", **changes)
    with pytest.raises(TrainingError, match=rf"a.keras is not a detector of .* applied to sound: .*{reason}") as error:
        load(path)
    assert len(str(error.value).splitlines()) == 1
    # before the recording is read
    assert cli.main(["detect", "--model", str(path), str(path)]) == 1
    assert capsys.readouterr().out == ""


def test_a_model_with_damaged_networks_or_filters_is_refused(tmp_path: Path) -> None:
    path = write_tone_model(tmp_path / "a.keras")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with np.load(io.BytesIO(members[ARRAYS])) as arrays:
        whole = dict(arrays)
    for name, value in (
        ("filters/window", whole["filters/window"][:100]),
        ("filters/powers", whole["filters/powers"][:, :1]),
        ("detectors/tone/statistics/mean", np.float32(0)),
        ("detectors/tone/statistics/kernels_0", whole["detectors/tone/statistics/kernels_0"][:, :1]),
        ("detectors/tone/statistics/kernels_0", whole["detectors/tone/statistics/kernels_0"] * np.nan),
    ):
        packed = io.BytesIO()
        np.savez(packed, **whole | {name: value})
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in (members | {ARRAYS: packed.getvalue()}).items():
                archive.writestr(member, content)
        with pytest.raises(TrainingError, match="a.keras is not a detector of this workflow"):
            load(path)


def test_an_archive_with_a_damaged_member_or_an_impossible_array_is_refused(tmp_path: Path) -> None:
    path = write_tone_model(tmp_path / "a.keras")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        at = archive.getinfo(MEMBER).header_offset + 30 + len(MEMBER) + 60
    damaged = bytearray(path.read_bytes())
    damaged[at] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(TrainingError, match="a.keras is not a detector of this workflow"):
        load(path)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)})
    packed = io.BytesIO()
    with np.load(io.BytesIO(members[ARRAYS])) as arrays, zipfile.ZipFile(packed, "w") as archive:
        for name, value in arrays.items():
            of_array = io.BytesIO()
            np.save(of_array, value)
            archive.writestr(f"{name}.npy", header.getvalue() if name.endswith("limit") else of_array.getvalue())
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in (members | {ARRAYS: packed.getvalue()}).items():
            archive.writestr(member, content)
    with pytest.raises(TrainingError, match="a.keras is not a detector of this workflow"):
        load(path)


def test_control_characters_in_a_description_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = {"tone": ABOUT | {"classes": ["A\x1b[2J"], "f\n1": [0.9, 0.8, 1]}}
    assert cli.main(["info", str(edited(tmp_path / "a.keras", about=about))]) == 0
    printed = capsys.readouterr().out
    assert r"classes: A\x1b[2J" in printed
    assert r"f\n1: 0.900" in printed
    assert "\x1b" not in printed


def test_info_says_that_a_detector_learned_little(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for low, is_said in ((0.4, True), (0.6, False)):
        held_out = {"tone": asdict(replace(HELD_OUT, low=low))}
        assert cli.main(["info", str(edited(tmp_path / "a.keras", held_out=held_out, about={"tone": ABOUT}))]) == 0
        assert (
            "  be careful: on the training clips that its networks held out it" in capsys.readouterr().out
        ) == is_said
