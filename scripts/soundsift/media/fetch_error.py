"""The error of a source that did not return media."""


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
