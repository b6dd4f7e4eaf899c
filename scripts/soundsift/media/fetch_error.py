"""The error of a source that did not return media, and how long it asks to be left alone."""

import time
from email.utils import parsedate_to_datetime

# Upper limit of a Retry-After header: one day.
MOST_SECONDS = 86400.0


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
