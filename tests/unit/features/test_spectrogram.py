import numpy as np
import pytest

from soundsift.features.spectrogram import N_BANDS, N_FFT, Spectrogram


def test_a_tone_stays_in_its_band_however_long_it_lasts(tone: np.ndarray) -> None:
    short, long = Spectrogram(22050), Spectrogram(22050, max_columns=8)
    for picture in (short, long):
        for _ in range(10):
            picture.add(tone)
    assert (
        set(np.argmax(short.power(), axis=1)) == set(np.argmax(long.power(), axis=1)) == {np.argmax(short.power()[0])}
    )
    assert len(short.power()) == 10 * len(tone) // N_FFT
    assert 4 <= len(long.power()) < 8


@pytest.mark.parametrize("n_pieces", [1, 7, 50])
def test_how_the_samples_come_does_not_matter(n_pieces: int, rng: np.random.Generator) -> None:
    samples = rng.standard_normal(100 * N_FFT + 17).astype(np.float32)
    whole, pieces = Spectrogram(22050), Spectrogram(22050)
    whole.add(samples)
    for piece in np.array_split(samples, n_pieces):
        pieces.add(piece)
    assert np.allclose(whole.power(), pieces.power())


def test_each_column_is_the_mean_of_an_equal_stretch(rng: np.random.Generator) -> None:
    samples = rng.standard_normal(64 * N_FFT).astype(np.float32)
    fine, coarse = Spectrogram(22050), Spectrogram(22050, max_columns=16)
    for picture in (fine, coarse):
        for piece in np.array_split(samples, 9):
            picture.add(piece)
    expected = fine.power().reshape(8, 8, N_BANDS).mean(axis=1)
    assert np.allclose(coarse.power()[:8], expected, rtol=1e-4)


def test_nothing_has_no_columns() -> None:
    assert Spectrogram(22050).power().shape == (0, N_BANDS)


@pytest.mark.parametrize("rate_hz", [16000, 22050])
def test_bands_are_named_by_their_centres(rate_hz: int) -> None:
    picture = Spectrogram(rate_hz)
    picture.add(np.sin(2 * np.pi * 3000 * np.arange(10 * N_FFT) / rate_hz).astype(np.float32))
    assert picture.frequencies_hz[np.argmax(picture.power()[0])] == pytest.approx(3000, rel=0.05)
