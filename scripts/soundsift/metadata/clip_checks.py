"""Checks of the selected clips before anything is downloaded."""

import logging
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from soundsift.errors import ConfigError, InputError
from soundsift.metadata.reasons import EVAL_VIDEO, REASONS
from soundsift.metadata.truth_counts import lacking

# Seconds by which programs round times.
ROUNDING = 1e-6


def check_trainable(
    clips: pa.Table, left_out: pa.ChunkedArray, detectors: Sequence[str], min_seconds: float = 0.0
) -> None:
    """Check that each detector has training clips with and without its class, before anything is downloaded.

    A warning is logged if fewer than two eval clips are known to have the class, or fewer than two not to have it: the
    detector is then not judged. Error and warning name all such detectors. Another warning is logged if clips are
    shorter than ``min_seconds``, because they will be left out.

    Parameters
    ----------
    left_out
        Why rows of the lists are no clips.

    Raises
    ------
    ConfigError
        If fewer than two training clips are known to have the class of a detector, or fewer than two not to have it.
    """
    if min_seconds:
        _remark_short_clips(clips, min_seconds)
    train, held_out = (clips.filter(pc.equal(clips["split"], split)) for split in ("train", "eval"))
    if few := lacking(train, detectors, least=2):
        n_in_test = pc.sum(pc.equal(left_out, list(REASONS)[EVAL_VIDEO])).as_py()
        in_test = f" ({n_in_test} more share a file or group with the test data)" if n_in_test else ""
        raise ConfigError(
            f"{few} cannot be trained: of the {train.num_rows} training clips{in_test} at least 2 must have the class "
            "and 2 must not: use more rows or change detectors"
        )
    if held_out.num_rows and (few := lacking(held_out, detectors, least=2)):
        logging.getLogger("soundsift").warning(
            "%s will be trained, but not judged: of the %d eval clips at least 2 must have the class and 2 must not: "
            "use more rows or remove the eval list", few, held_out.num_rows,
        )  # fmt: skip


def _remark_short_clips(clips: pa.Table, min_seconds: float) -> None:
    lengths = pc.subtract(clips["end_seconds"], clips["start_seconds"])
    n_short = pc.sum(pc.less(lengths, min_seconds - ROUNDING)).as_py()
    if n_short:
        logging.getLogger("soundsift").warning(
            "%d of %d clips are shorter than clips.min_seconds (%g s) and will be left out as too_short: lower "
            "clips.min_seconds (the shortest clip has %.3g s), or give longer segments",
            n_short, clips.num_rows, min_seconds, pc.min(lengths).as_py(),
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
