"""Segments in which a class is present, found from one probability per second."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from soundsift.arrays import Float64Array

# Seconds per probability, and the assumed mean duration of presence and of absence in seconds.
STEP_SECONDS, LASTING_SECONDS = 1, 20
# Log-odds that a state lasts for another step.
STAY = math.log(LASTING_SECONDS / STEP_SECONDS - 1)


class Segment(NamedTuple):
    """A segment of a recording in which a class is present.

    Attributes
    ----------
    start_seconds, end_seconds
        From the beginning of the recording.
    detector
        Its name.
    probability
        Mean over the seconds of the segment, 0 to 1.
    """

    start_seconds: float
    end_seconds: float
    detector: str
    probability: float


class SegmentSearch:
    """Search for the segments of one detector, second by second, in constant memory.

    The segments are the most probable sequence of two states, present and absent (Viterbi 1967), where each state lasts
    :data:`LASTING_SECONDS` on average. With two states that are equally likely to end, the search needs one number: the
    log-likelihood of the best sequence that ends in "present" minus that of the best one that ends in "absent". Beyond
    plus or minus :data:`STAY`, all seconds so far are decided. Between the two, they wait for the next ones.

    Parameters
    ----------
    detector
        Its name.
    threshold
        Probability at which presence and absence are equally likely, 0 to 1.
    """

    def __init__(self, detector: str, threshold: float) -> None:
        self._detector, self._prior = detector, _log_odds(threshold)
        self._lead = 0.0
        self._n_seen = self._n_waiting = self._n_present = 0
        self._sum_waiting = self._sum_present = 0.0

    def add(self, probability: float) -> Iterator[Segment]:
        """Add the next second; yield the segment that it settles, if any."""
        self._lead = max(-STAY, min(STAY, self._lead)) + _log_odds(probability) - self._prior
        self._n_seen, self._n_waiting = self._n_seen + 1, self._n_waiting + 1
        self._sum_waiting += probability
        if abs(self._lead) > STAY:
            yield from self._decide(self._lead > 0)

    def finish(self, duration_seconds: float) -> Iterator[Segment]:
        """Decide the last seconds; yield the last segment, if any. It ends with the recording at the latest."""
        yield from self._decide(self._lead > 0)
        for segment in self._decide(False):
            yield segment._replace(end_seconds=min(segment.end_seconds, round(duration_seconds, 3)))

    def _decide(self, is_present: bool) -> Iterator[Segment]:
        """Decide the waiting seconds. If they are absent, the segment before them is over."""
        if is_present:
            self._n_present += self._n_waiting
            self._sum_present += self._sum_waiting
        elif self._n_present:
            end = self._n_seen - self._n_waiting
            yield Segment(
                float((end - self._n_present) * STEP_SECONDS), float(end * STEP_SECONDS), self._detector,
                round(self._sum_present / self._n_present, 4),
            )  # fmt: skip
            self._n_present, self._sum_present = 0, 0.0
        self._n_waiting, self._sum_waiting = 0, 0.0


def find_segments(
    probability: Mapping[str, Float64Array], thresholds: Mapping[str, float], duration_seconds: float
) -> list[Segment]:
    """Find the segments in which each detector's class is present, by detector and time.

    Parameters
    ----------
    probability
        {detector: probability in each second, shape (n_seconds,), 0 to 1}
    thresholds
        {detector: probability at which presence and absence are equally likely}
    """
    found: list[Segment] = []
    for name, values in probability.items():
        search = SegmentSearch(name, thresholds[name])
        for value in values.tolist():
            found += search.add(value)
        found += search.finish(duration_seconds)
    return found


def _log_odds(probability: float) -> float:
    smallest = 1e-300
    return math.log(max(probability, smallest)) - math.log(max(1 - probability, smallest))
