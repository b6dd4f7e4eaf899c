"""Several sources in order of preference: which one a clip came from, and the outcome of a clip that none returned."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from soundsift.config.sources import is_sharded
from soundsift.media.archive import Record
from soundsift.media.outcomes import OUTCOMES
from soundsift.media.sources.base import Source
from soundsift.metadata.batches import Clip

# Kinds of outcomes, the most hopeful first.
HOPE = ("kept", "transient", "open", "permanent")


class SourceChoice:
    """The sources of a download job.

    Parameters
    ----------
    sources
        Opened sources, the preferred one first.
    labels
        Name of each source for records.
    """

    def __init__(self, sources: Sequence[Source], labels: Sequence[str]) -> None:
        self.sources, self.labels = sources, labels
        self.is_single = len(sources) == 1

    def is_current(self, clip: Clip, record: Record, media: Path) -> bool:
        """Return whether the archive's media are still those that their source would return.

        Media of a source that is no longer in the configuration stay as they are if they hold the labelled stretch.
        Records of earlier versions name no source: there the address decides.
        """
        for source, label in zip(self.sources, self.labels, strict=True):
            is_earlier = not record.source and not is_sharded(source.params.url)
            if record.source == label or (is_earlier and record.url == source.address(clip)):
                return source.is_current(clip, record, media)
        return record.whole or record.end_seconds >= clip.end_seconds


def most_hopeful(answers: Iterable[Record]) -> Record:
    """Choose the record of a clip that no source returned; it has the answers of the others in ``failed``.

    The clip is ``not_found`` only if every source says so. Otherwise a transient outcome comes before one that nobody
    has classified yet, and a permanent one last. Of equal ones the first counts.

    Examples
    --------
    >>> found = most_hopeful([Record("a_0", "a", "not_found", url="x"), Record("a_0", "a", "private", url="y")])
    >>> found.outcome, list(found.failed)
    ('private', ['x'])
    """
    found = list(answers)
    best = min(found, key=lambda one: (HOPE.index(OUTCOMES[one.outcome].kind), one.outcome == "not_found"))
    failed = {address: answer for one in found for address, answer in one.answers().items() if address != best.url}
    return replace(best, failed=failed)
