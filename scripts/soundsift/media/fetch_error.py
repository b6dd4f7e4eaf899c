"""The error of a source that did not return media, and how long it asks to be left alone."""

import random
import time
from datetime import datetime
from email.utils import parsedate_to_datetime

# Upper limit of a Retry-After header: one day.
MOST_SECONDS = 86400.0
# Pause before the second round; it doubles with every further round.
FIRST_PAUSE_SECONDS = 5.0
# Longest wait inside a job. A server that asks for a longer one is asked again by a later run.
LONGEST_PAUSE_SECONDS = 600.0


class FetchError(Exception):
    """The source did not return the media.

    Parameters
    ----------
    outcome
        A key of :data:`soundsift.media.outcomes.OUTCOMES`.
    reason
        The source's own message.
    retry_after_seconds
        How long the source asks to be left alone; 0 if it does not say.
    """

    def __init__(self, outcome: str, reason: str, retry_after_seconds: float) -> None:
        super().__init__(reason)
        self.outcome, self.reason, self.retry_after_seconds = outcome, reason, retry_after_seconds


def retry_after(header: str | None) -> float:
    """Return the seconds that a Retry-After header asks for, a number or a date; 0 if there is none or it is neither.

    Examples
    --------
    >>> retry_after("120"), retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), retry_after("soon"), retry_after(None)
    (120.0, 0.0, 0.0, 0.0)
    """
    value = (header or "").strip()
    try:
        if value.isdecimal():
            return min(float(value), MOST_SECONDS)
        return min(max(0.0, parsedate_to_datetime(value).timestamp() - time.time()), MOST_SECONDS)
    except (ValueError, OverflowError):
        return 0.0


def growing_pause(n_rounds: int, first_seconds: float) -> float:
    """Return the pause in seconds after a number of rounds: growing, and not the same for two jobs."""
    return min(first_seconds * 2.0 ** (n_rounds - 1), LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1.5)


def clock_time(seconds: float) -> str:
    """Format a time, given in seconds since 1970, in the local time zone."""
    return datetime.fromtimestamp(seconds).strftime("%H:%M on %d %B")
