"""Select the wanted clips from the segment lists, decide their truth per detector, and divide them into batches."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from soundsift.config.clips import LengthParams
from soundsift.config.metadata import LayoutParams, SelectionParams
from soundsift.joblog import job_log
from soundsift.media.durations import Durations
from soundsift.metadata import batches, clip_checks, selection
from soundsift.metadata.classes import detector_members, read_tables
from soundsift.metadata.lists import LAYOUT, read_lists
from soundsift.metadata.whole_files import WHOLE, WholeFiles, divide
from soundsift.tables import write_parquet


def select_clips(
    segments: Mapping[str, Path], tables: Mapping[str, Path], params: SelectionParams, batch_size: int,
    youtube_ids: bool, one_clip_a_video: bool, detectors: Mapping[str, Mapping[str, Sequence[str]]],
    clips_path: Path, labels_path: Path, excluded_path: Path, batches_dir: Path, names_path: Path,
    layout: LayoutParams = LAYOUT, places: Sequence[str] | None = None, whole: WholeFiles = WHOLE,
) -> None:  # fmt: skip
    """Write the clip table, the rows left out, the class table and one small CSV per batch."""
    classes, tree = read_tables(tables, params)
    lists, classes = read_lists(segments, classes, youtube_ids, layout, places is None)
    with Durations(whole.durations, ["{file}"] if places is None else places) as durations:
        lists = {name: divide(rows, durations.seconds_of, whole) for name, rows in lists.items()}
    members = detector_members(detectors, classes, tree)
    clips, excluded = selection.select_clips(lists, classes, members, batch_size, params, layout.fold)
    clip_checks.check_trainable(clips, excluded["reason"], list(detectors), whole.min_seconds)
    if one_clip_a_video:
        clip_checks.check_one_clip_a_video(clips)
    n_batches = batches.write_batches(clips, batches_dir, names_path)
    write_parquet(clips, clips_path)
    write_parquet(excluded, excluded_path)
    write_parquet(classes.table(members), labels_path)
    logging.info("%d clips in %d batches, %d rows left out", clips.num_rows, n_batches, excluded.num_rows)


if __name__ == "__main__":
    with job_log(snakemake.log[0]) as warnings:
        select_clips(
            segments=dict(zip(snakemake.params.lists, map(Path, snakemake.input.segments), strict=True)),
            tables={name: Path(snakemake.input[name]) for name in snakemake.params.tables},
            params=SelectionParams(**snakemake.params.selection),
            batch_size=snakemake.params.batch_size,
            youtube_ids=snakemake.params.youtube_ids,
            one_clip_a_video=snakemake.params.one_clip_a_video,
            detectors=snakemake.params.detectors,
            clips_path=Path(snakemake.output.clips),
            labels_path=Path(snakemake.output.labels),
            excluded_path=Path(snakemake.output.excluded),
            batches_dir=Path(snakemake.output.batches),
            names_path=Path(snakemake.output.names),
            layout=LayoutParams(**snakemake.params.layout),
            places=snakemake.params.places,
            whole=WholeFiles(LengthParams(**snakemake.params.lengths), snakemake.params.min_seconds),
        )
        Path(snakemake.output.warnings).write_text("".join(f"{line}\n" for line in warnings), encoding="utf-8")
