"""Select the wanted clips from the segment lists, decide their truth per detector, and divide them into batches."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from soundsift.config.metadata import SelectionParams
from soundsift.joblog import job_log
from soundsift.metadata import selection
from soundsift.metadata.batches import write_batches
from soundsift.metadata.classes import detector_members, read_classes
from soundsift.metadata.lists import read_segments
from soundsift.metadata.ontology import read_ontology
from soundsift.tables import write_parquet


def select_clips(
    segments: Mapping[str, Path], class_labels: Path, ontology: Path, label_quality: Path,
    params: SelectionParams, batch_size: int, youtube_ids: bool, one_clip_a_video: bool,
    detectors: Mapping[str, Mapping[str, Sequence[str]]],
    clips_path: Path, labels_path: Path, excluded_path: Path, batches_dir: Path, names_path: Path,
) -> None:  # fmt: skip
    """Write the clip table, the rows left out, the class table and one small CSV per batch."""
    tree = read_ontology(ontology)
    classes = read_classes(class_labels, tree, label_quality, params.min_label_accuracy, params.keep_unrated)
    members = detector_members(detectors, classes, tree)
    lists = {name: read_segments(path, classes, youtube_ids) for name, path in segments.items()}
    clips, excluded = selection.select_clips(lists, classes, members, batch_size, params)
    selection.check_trainable(clips, list(detectors))
    if one_clip_a_video:
        selection.check_one_clip_a_video(clips)
    n_batches = write_batches(clips, batches_dir, names_path)
    write_parquet(clips, clips_path)
    write_parquet(excluded, excluded_path)
    write_parquet(classes.table(members), labels_path)
    logging.info("%d clips in %d batches, %d rows left out", clips.num_rows, n_batches, excluded.num_rows)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        select_clips(
            segments=dict(zip(snakemake.params.lists, map(Path, snakemake.input.segments), strict=True)),
            class_labels=Path(snakemake.input.class_labels),
            ontology=Path(snakemake.input.ontology),
            label_quality=Path(snakemake.input.label_quality),
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
        )
