"""Section ``features``, second part: the statistics over the frames of a clip."""

from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from annotated_types import MinLen

from soundsift.config.constraints import Unique

Statistic = Literal["mean", "std", "median", "p10", "p90", "delta_std", "modulation_slow", "modulation_syllable"]
STATISTIC_NAMES: tuple[str, ...] = get_args(Statistic)


@dataclass(frozen=True)
class StatisticsParams:
    """Statistics that reduce the frames of a clip to one row."""

    statistics: Annotated[list[Statistic], MinLen(1), Unique()] = field(
        default_factory=lambda: list(get_args(Statistic))
    )
    """Statistics over time that reduce the frames of a clip to one row."""
