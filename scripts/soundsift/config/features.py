"""Section ``features``, first part: the analysis of a clip in frames."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt


@dataclass(frozen=True)
class FeatureParams:
    """Parameters of the analysis in frames, as librosa defines them."""

    n_fft: Annotated[int, Ge(64), Le(65536)] = 2048
    """Samples in an analysis window; 2048 are 93 ms at 22050 Hz."""
    hop_length: Annotated[int, Ge(16)] = 512
    """Samples between the starts of windows; 512 are 23 ms at 22050 Hz. n_fft / 2 + hop_length may be at most two
    seconds, because detection applies a detector to pieces of this length."""
    n_mels: Annotated[int, Ge(8), Le(4096)] = 128
    """Number of mel bands from which the MFCC are computed."""
    n_mfcc: Annotated[int, Ge(1), Le(99)] = 20
    """Number of mel-frequency cepstral coefficients (MFCC), at most n_mels."""
    rolloff_fraction: Annotated[float, Gt(0), Lt(1)] = 0.85
    """Share of the spectrum's magnitude below the roll-off frequency."""


@dataclass(frozen=True)
class LogMelParams:
    """Columns of the frames tables that the detectors do not use."""

    log_mel: bool = False
    """true adds log-mel spectrograms to results/frames, as log_mel_001 and so on. They are for networks of your own,
    and the tables then take about five times the room."""
