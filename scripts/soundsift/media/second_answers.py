"""Answers of a source that are final only when the source gives them a second time."""

from soundsift.media.archive import Record


def is_undecided(record: Record) -> bool:
    """Return whether a record has a permanent outcome, and the clip is requested again nevertheless."""
    return may_be_a_mistake(record) or is_worth_second_try(record)


def may_be_a_mistake(record: Record) -> bool:
    """Return whether only one job found a video to be unavailable, so that a later job must find it again.

    YouTube's player clients also say so of videos that play (yt-dlp issue 17252). A whole file that is too large was
    requested because the section was unusable, which may have been a fault of the moment.
    """
    return needs_confirmation(record) and record.n_unavailable < 2


def needs_confirmation(record: Record) -> bool:
    """Return whether a record has an answer that is final only when a later job gets it again.

    The size of a file that was wanted as a whole needs none.
    """
    return record.outcome == "unavailable" and not (record.too_large_megabytes and record.whole)


def is_worth_second_try(record: Record) -> bool:
    """Return whether media were corrupt only once: the second answer may be intact."""
    return record.outcome == "corrupt" and record.n_corrupt <= 1
