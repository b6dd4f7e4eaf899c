"""Rules for the archive's records: when no request is needed, and how a new record is combined with an earlier one."""

from dataclasses import dataclass, replace

from soundsift.config.download import SourceParams
from soundsift.media.archive import Record
from soundsift.media.outcomes import PERMANENT
from soundsift.media.second_answers import is_worth_second_try, may_be_a_mistake
from soundsift.metadata.batches import Clip


@dataclass(frozen=True)
class RecordRules:
    """Rules of one download job.

    Attributes
    ----------
    min_seconds
        How much of the labelled stretch must exist, in seconds.
    started
        Start of the job, UTC, ISO 8601. With ``retry_permanent`` earlier answers do not count.
    """

    params: SourceParams
    min_seconds: float
    started: str

    @property
    def takes_sections(self) -> bool:
        """Whether only the labelled section of a video is requested, not the whole file."""
        return self.params.sections and not self.params.trimmed

    def is_unobtainable(self, record: Record, clip: Clip, address: str) -> bool:
        """Return whether a record shows that the clip cannot be had from this address."""
        if record.outcome == "too_short":
            covers_stretch = record.whole or record.end_seconds >= clip.end_seconds
            if not covers_stretch or record.held_seconds >= self.min_seconds:
                return False
        return self.is_gone(record, address)

    def is_gone(self, record: Record, address: str) -> bool:
        """Return whether a record has a permanent outcome from this address that still counts."""
        # a section may be within the size limit although the whole file was not
        may_fit_now = record.too_large_megabytes < self.params.max_megabytes or (record.whole and self.takes_sections)
        return (
            record.outcome in PERMANENT
            and not is_worth_second_try(record)
            and (not may_be_a_mistake(record) or record.when >= self.started)
            and (not self.params.retry_permanent or record.when >= self.started)
            and record.url == address
            and not (record.too_large_megabytes and may_fit_now)
        )


def with_earlier_media(record: Record, earlier: Record | None) -> Record:
    """Keep the media of an earlier record where a request for a longer stretch returned none.

    If the video is gone by now, no longer stretch can be had, and the clip is ``ok`` with the earlier media. If the
    failure was transient, the request is repeated later, and the media are kept until then.
    """
    if earlier is None or earlier.media is None or earlier.trimmed != record.trimmed:
        return record
    if record.outcome in PERMANENT:
        note = f"a longer stretch is not available ({record.outcome}: {record.reason})"
        return replace(earlier, outcome="ok", reason="", end_seconds=record.end_seconds, tries=record.tries, note=note)
    return replace(earlier, outcome=record.outcome, reason=record.reason, tries=record.tries, when=record.when)
