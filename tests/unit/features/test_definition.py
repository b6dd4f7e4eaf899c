from dataclasses import fields, make_dataclass

import pyarrow as pa
import pytest

from soundsift.config.features import FeatureParams
from soundsift.errors import InputError
from soundsift.features import definition as module
from soundsift.features.definition import DEFINITION_KEYS, definition, definition_of, params_of


def test_a_definition_gives_back_its_parameters() -> None:
    params = FeatureParams(n_fft=1024, rolloff_fraction=0.95)
    written = pa.schema([], metadata=definition(16000, params))
    assert definition_of(written) == definition(16000, params)
    assert params_of(definition_of(written)) == (params, 16000)


def test_a_new_parameter_of_any_type_is_part_of_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    new = [("centre", bool, False), ("window", str, "hann"), ("power", float, 2.0)]
    larger = make_dataclass("Larger", new, bases=(FeatureParams,), frozen=True)
    monkeypatch.setattr(module, "FeatureParams", larger)
    for centre in (False, True):
        params = larger(centre=centre, window="hamming")
        assert params_of(definition(22050, params)) == (params, 22050)
    with pytest.raises(InputError, match="lacks centre, window, power: make the features again"):
        params_of(definition(22050, FeatureParams()))


def test_the_keys_of_a_definition_are_those_that_tables_must_have() -> None:
    assert tuple(definition(22050, FeatureParams())) == DEFINITION_KEYS
    assert {f.name for f in fields(FeatureParams)} < set(DEFINITION_KEYS)
