"""Counts of the clips that have the class of a detector."""

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa


def lacking(clips: pa.Table, detectors: Sequence[str], least: int) -> str:
    """Name the detectors with fewer clips that have their class, or that do not have it, and give these numbers.

    Parameters
    ----------
    clips
        A table with the column ``is_{detector}`` of each detector.
    least
        Number of clips that are needed on each side.

    Returns
    -------
    Empty if there is no such detector.
    """
    counts = {detector: Counter(clips[f"is_{detector}"].to_pylist()) for detector in detectors}
    return ", ".join(
        f"detectors.{detector} ({found[True]} with it, {found[False]} without, {found[None]} unknown)"
        for detector, found in counts.items()
        if min(found[True], found[False]) < least
    )
