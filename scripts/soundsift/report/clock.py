"""Times as people write them."""


def clock(seconds: float) -> str:
    """Format a time in minutes and seconds, with hours where there are any.

    Examples
    --------
    >>> clock(7.4), clock(754), clock(3723)
    ('0:07', '12:34', '1:02:03')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
