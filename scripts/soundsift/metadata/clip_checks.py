"""Checks of the selected clips before anything is downloaded."""

import logging
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from soundsift.errors import ConfigError, InputError


def check_trainable(clips: pa.Table, detectors: Sequence[str]) -> None:
    """Check that each detector has training clips with and without its class, before anything is downloaded.

    A warning is logged if fewer than two eval clips are known to have the class, or fewer than two not to have it: the
    detector is then not judged.

    Raises
    ------
    ConfigError
        If no training clip is known to have the class of a detector, or none is known not to have it.
    """
    train, held_out = (clips.filter(pc.equal(clips["split"], split)) for split in ("train", "eval"))
    for detector in detectors:
        found = Counter(train[f"is_{detector}"].to_pylist())
        if not found[True] or not found[False]:
            raise ConfigError(
                f"detectors.{detector} cannot be trained: of {train.num_rows} training clips {found[True]} are known "
                f"to have it, {found[False]} known not to, {found[None]} unknown: "
                f"use more rows or change detectors.{detector}"
            )
        found = Counter(held_out[f"is_{detector}"].to_pylist())
        if held_out.num_rows and min(found[True], found[False]) < 2:
            logging.getLogger("soundsift").warning(
                "detectors.%s will be trained, but not judged: of %d eval clips %d are known to have it, %d known not "
                "to, but at least 2 of each are needed: use more rows or remove the eval list",
                detector, held_out.num_rows, found[True], found[False],
            )  # fmt: skip


def check_one_clip_a_video(clips: pa.Table) -> None:
    """Check that no video has two clips, for trimmed media whose address contains only the video id.

    Raises
    ------
    InputError
        If a video has two clips. The message names the first two.
    """
    videos = clips["video_id"].combine_chunks()
    counts = pc.value_counts(videos)
    twice = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        video_id = twice.field("values")[0].as_py()
        first, second = clips["clip_id"].filter(pc.equal(videos, video_id)).to_pylist()[:2]
        raise InputError(
            f"download.trimmed is true, but {first} and {second} would be read from the same file: "
            "put {clip_id} or {start_ms} in download.url"
        )
