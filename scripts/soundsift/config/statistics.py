"""Section ``features``, second part: how the frames of a clip become one row."""

from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from annotated_types import MinLen

Statistic = Literal["mean", "std", "median", "p10", "p90", "delta_std", "modulation_slow", "modulation_syllable"]
STATISTIC_NAMES: tuple[str, ...] = get_args(Statistic)


@dataclass(frozen=True)
class StatisticsParams:
    """How the frames of a clip become one row."""

    statistics: Annotated[list[Statistic], MinLen(1)] = field(default_factory=lambda: list(get_args(Statistic)))
    """Statistics over time that turn a clip's frames into one row."""
