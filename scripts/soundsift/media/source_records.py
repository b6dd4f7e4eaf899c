"""The archive's records of one source: which clips it need not be asked for, and what it answered."""

import logging
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

from soundsift.errors import MediaError
from soundsift.media import decode
from soundsift.media.archive import Record
from soundsift.media.archive_writer import ArchiveWriter, link_or_copy
from soundsift.media.columns import KEPT
from soundsift.media.outcomes import OF_THE_VIDEO, PERMANENT
from soundsift.media.record_rules import RecordRules, with_earlier_media
from soundsift.media.source_choice import SourceChoice
from soundsift.media.sources.base import Media
from soundsift.metadata.batches import Clip

# Answers by which sound that was there once is damaged, and those by which a clip whose media were freed is gone.
DAMAGED = frozenset({"corrupt", "no_audio"})
FOR_GOOD = PERMANENT - DAMAGED


def was_freed(record: Record | None) -> bool:
    """Return whether the media of a clip were freed after their use, so that they must be read again.

    As long as no source says :data:`FOR_GOOD`, the record must stay: otherwise the clip would not be asked for again.
    """
    return record is not None and record.outcome in KEPT and record.media is None


class SourceRecords:
    """The records of one source in one download job.

    A clip is *settled* if this job need not request it again.

    Attributes
    ----------
    failures
        {clip_id: record} of clips that a source did not return and that another source may have, or whose media were
        freed. They are not in the archive. A remote source is not asked twice, so its other answers are in the archive.
    """

    def __init__(self, choice: SourceChoice, n: int, archive: ArchiveWriter, min_seconds: float) -> None:
        self._archive = archive
        self.failures: dict[str, Record] = {}
        self._choice, self._source, self._label = choice, choice.sources[n], choice.labels[n]
        self._params = self._source.params
        self._has_twins = False
        self._rules = RecordRules(self._params, min_seconds, started=_now())

    def is_settled(self, clip: Clip) -> bool:
        """Return whether the archive has the clip, or a record that it is unobtainable."""
        record = self._archive.read(clip.clip_id)
        if record is None:
            return False
        if record.outcome in KEPT:
            return self.has_media(clip)
        if not self._source.is_remote:
            return False
        address = self._source.address(clip)
        return self._rules.is_unobtainable(record.answer_at(address), clip, address)

    def has_media(self, clip: Clip) -> bool:
        """Return whether the archive has the clip's media, and they are what their source would return."""
        record = self._archive.read(clip.clip_id)
        if record is None or record.outcome not in KEPT:
            return False
        media = self._archive.media_path(record)
        return media is not None and self._choice.is_current(clip, record, media)

    def answer(self, clip: Clip) -> Record | None:
        """Return the record of what this source answered, in this job or, if it is remote, in an earlier one."""
        if clip.clip_id in self.failures or not self._source.is_remote:
            return self.failures.get(clip.clip_id)
        record, address = self._archive.read(clip.clip_id), self._source.address(clip)
        found = record.answer_at(address) if record else None
        return found if found is not None and found.url == address else None

    def earlier_answer(self, clip: Clip) -> Record | None:
        """Return the record of an earlier job by which this source does not have the clip, if there is one."""
        record, address = self._archive.read(clip.clip_id), self._source.address(clip)
        found = record.answer_at(address) if record else None
        return found if found is not None and self._rules.is_unobtainable(found, clip, address) else None

    def of_other_clip(self, clip: Clip) -> Record | None:
        """Return the record of another clip with the same address that settles this clip too, if there is one.

        Either the other clip has the whole file, or the video is gone for both.
        """
        if not self._source.is_remote or self._params.trimmed:
            return None
        address = self._source.address(clip)
        for of_other in self._archive.others(clip.clip_id):
            other = of_other.answer_at(address)
            if other.url != address:
                continue
            has_file = other.outcome in KEPT and other.media and other.whole and not other.trimmed
            if has_file or (other.outcome in OF_THE_VIDEO and self._rules.is_gone(other, address)):
                return other
        return None

    def media_of_other_clip(self, other: Record, clip: Clip, scratch: Path) -> Media:
        """Return the whole file of another clip, in ``scratch``, as the media of this one."""
        path = self._archive.media_path(other)
        assert path is not None
        link_or_copy(path, scratch / path.name)
        held = decode.held_seconds(path, clip.start_seconds, clip.end_seconds)
        note = f"same file as {other.clip_id}"
        return Media(scratch / path.name, 0.0, other.media_end_seconds, held, whole=True, note=note)

    def begin(self, clip: Clip, n_requests: int) -> Record:
        """Return the record of a clip that is going to be fetched with a number of requests."""
        in_archive = self._choice.is_single and clip.clip_id not in self.failures
        earlier = self._archive.read(clip.clip_id) if in_archive else self.answer(clip)
        return Record(
            clip.clip_id, clip.video_id, "ok", tries=(earlier.tries if earlier else 0) + n_requests, when=_now(),
            url=self._source.address(clip), source=self._label, end_seconds=clip.end_seconds,
            trimmed=self._params.trimmed, whole=not self._rules.takes_sections,
            n_corrupt=earlier.n_corrupt if earlier else 0, n_unavailable=earlier.n_unavailable if earlier else 0,
            tools=_tools(),
        )  # fmt: skip

    def write_failure(self, record: Record) -> None:
        """Record that this source did not return a clip; another source may return it or give a better reason."""
        before, is_single = self._archive.read(record.clip_id), self._choice.is_single
        is_kept = was_freed(before) and not (is_single and record.outcome in FOR_GOOD)
        if is_kept or not (is_single or self._source.is_remote):
            self.failures[record.clip_id] = record
            return
        if not is_single:
            record.failed = before.answers() if before else {}
            record.failed.pop(record.url, None)
        self._archive.write(with_earlier_media(record, before))

    def write_media(self, record: Record, media: Media) -> None:
        """Write media and their record to the archive.

        Raises
        ------
        MediaError
            If they hold too little of the labelled stretch, or are the sound of another clip, or damaged.
        """
        record.media_start_seconds, record.media_end_seconds = media.begins_seconds, media.ends_seconds
        record.whole, record.note, record.modified_ns = media.whole, media.note, media.modified_ns
        record.shard, record.shard_version = media.shard, media.shard_version
        if media.shard:
            self._compare_with_earlier(record, media.sha256)
        if media.of_video and record.trimmed:
            self._refuse_twin(record, media.sha256)
        if media.held_seconds is not None:
            record.held_seconds = media.held_seconds
            if media.held_seconds < self._rules.min_seconds:
                raise MediaError("too_short", f"{media.held_seconds:.2f} s of the labelled stretch exist")
        self._archive.write(record, media.path, media.sha256)

    def _compare_with_earlier(self, record: Record, sha256: str) -> None:
        """Compare media of a shard with those that were read from it before.

        Raises
        ------
        MediaError
            ``corrupt`` if the shard seems to be the same, but they differ.
        """
        before = self._archive.read(record.clip_id)
        of_same = before is not None and all(
            getattr(before, name) == getattr(record, name) for name in ("source", "shard", "shard_version")
        )
        if before is not None and of_same and before.sha256 not in ("", sha256):
            raise MediaError(
                "corrupt",
                f"its bytes in the shard {record.shard} are not those that were read before, although the shard seems "
                f"unchanged: copy the shard again, or delete {self._archive.record_path(record.clip_id)} to take them",
            )

    def _refuse_twin(self, record: Record, sha256: str) -> None:
        """Refuse the trimmed sound of a video for a second clip of it: it belongs to one of them only.

        Raises
        ------
        MediaError
            ``not_found``; another source may have the clip.
        """
        for other in self._archive.others(record.clip_id):
            # the record stays where the media were freed
            # of any source: another copy of the data set holds the same seconds of the video. A clip that has a row
            # of its own here needs none that is named by the video, unless it was taken from that before
            is_twin = other.outcome in KEPT and other.trimmed
            if is_twin and (other.sha256 == sha256 or not self._source.names_clip(other.clip_id, other.video_id)):
                reason = f"rows of {record.shard} are named by the video alone, and {other.clip_id} is there already"
                if not self._has_twins:
                    self._has_twins = True
                    logging.getLogger("soundsift").warning(
                        "%s is not read from shards: %s. If %s is no longer wanted, delete %s.* and run again "
                        "with --forcerun download_clips",
                        record.clip_id, reason, other.clip_id, self._archive.record_path(other.clip_id).with_suffix(""),
                    )  # fmt: skip
                raise MediaError("not_found", reason)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


@cache
def _tools() -> dict[str, str]:
    # looking up a version takes several milliseconds
    return {name: version(name) for name in ("yt-dlp", "av")}
