"""Select the wanted clips from the segment lists, say what is true of each, and part them into batches."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from soundsift import metadata
from soundsift.batches import write_batches
from soundsift.errors import InputError
from soundsift.joblog import job_log
from soundsift.ontology import read_ontology
from soundsift.tables import write_parquet


def select_clips(
    segments: Mapping[str, Path], class_labels: Path, ontology: Path, label_quality: Path,
    min_label_accuracy: float, keep_unrated: bool, max_clips: int | None, batch_size: int,
    detectors: Mapping[str, Sequence[str]], clips_path: Path, labels_path: Path, batches_dir: Path,
) -> None:  # fmt: skip
    """Write the clip table, the class table and one small CSV per batch."""
    classes = metadata.read_classes(class_labels, label_quality, min_label_accuracy, keep_unrated)
    members = metadata.detector_members(detectors, classes, read_ontology(ontology))
    lists = {name: metadata.read_segments(path) for name, path in segments.items()}
    clips = metadata.select_clips(lists, classes, members, batch_size, max_clips)
    if clips.num_rows == 0:
        raise InputError("no row of the lists has an accurate label: lower metadata.min_label_accuracy")
    n_batches = write_batches(clips, batches_dir)
    write_parquet(clips, clips_path)
    write_parquet(classes.table(members), labels_path)
    n_rows = sum(table.num_rows for table in lists.values())
    logging.info("%d rows, %d clips in %d batches", n_rows, clips.num_rows, n_batches)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        select_clips(
            segments=dict(zip(snakemake.params.lists, map(Path, snakemake.input.segments), strict=True)),
            class_labels=Path(snakemake.input.class_labels),
            ontology=Path(snakemake.input.ontology),
            label_quality=Path(snakemake.input.label_quality),
            min_label_accuracy=snakemake.params.min_label_accuracy,
            keep_unrated=snakemake.params.keep_unrated,
            max_clips=snakemake.params.max_clips,
            batch_size=snakemake.params.batch_size,
            detectors=snakemake.params.detectors,
            clips_path=Path(snakemake.output.clips),
            labels_path=Path(snakemake.output.labels),
            batches_dir=Path(snakemake.output.batches),
        )
