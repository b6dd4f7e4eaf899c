import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soundsift import cli
from soundsift.detectors.definition import MEMBER, read_definition
from soundsift.detectors.inference import read_model
from soundsift.errors import SoundsiftError, TrainingError
from tests.unit.detection.models import write_tone_model


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
        ({"features": {"sample_rate_hz": "much"}}, "the definition of features lacks"),
    ],
)
@pytest.mark.parametrize("read", [read_definition, read_model])
def test_a_definition_with_which_nothing_can_be_calculated_is_refused(
    read: Callable[[Path], object], changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(SoundsiftError) as error:
        read(edited(tmp_path / "a.keras", **changes))
    assert reason in str(error.value)
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
