from pathlib import Path

import librosa
import numpy as np
import pytest

from extract_features import extract_features
from soundsift.config.features import FeatureParams
from soundsift.demo import RATE_HZ, write_media
from soundsift.features.frames import filters_of
from soundsift.features.summary import summary_table
from soundsift.features.transform import transform_and_log_mel
from soundsift.tables import read_parquet


@pytest.mark.parametrize("params", [FeatureParams(), FeatureParams(n_fft=1024, hop_length=300, n_mels=64)])
def test_log_mel_is_librosa_s(params: FeatureParams, rng: np.random.Generator) -> None:
    samples = (rng.normal(size=22050) * 0.1).astype(np.float32)
    power = librosa.feature.melspectrogram(
        y=samples, sr=22050, n_fft=params.n_fft, hop_length=params.hop_length, n_mels=params.n_mels
    )
    _, found = transform_and_log_mel(samples, 22050, params, filters_of(22050, params))
    assert found.dtype == np.float32
    assert np.abs(found - librosa.power_to_db(power).T).max() < 1e-2


def test_the_spectrogram_stands_beside_the_frames_and_not_in_the_summary(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    (tmp_path / "clips").mkdir()
    write_media(tmp_path / "clips" / "v_0.m4a", rng.normal(size=4 * RATE_HZ) * 0.1, picture=False)
    tables = []
    for name, add in (("plain", False), ("mel", True)):
        extract_features(tmp_path / "clips", tmp_path / name, FeatureParams(n_mels=40), add_log_mel=add)
        tables.append(read_parquet(tmp_path / name / "v_0.parquet"))
    plain, mel = tables
    assert mel.select(plain.column_names).equals(plain)
    assert mel.column_names[len(plain.column_names) :] == [f"log_mel_{i:03d}" for i in range(1, 41)]
    assert mel.schema.metadata == plain.schema.metadata
    first, second = (summary_table([tmp_path / name / "v_0.parquet"], ["mean", "std"]) for name in ("plain", "mel"))
    assert first.equals(second)
