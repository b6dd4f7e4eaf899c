"""Compute the features of augmented versions of a batch's clips, as additional training data."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from soundsift.config.features import FeatureParams
from soundsift.features.augmentation import versions, versions_table
from soundsift.files import visible_files
from soundsift.joblog import Progress, job_log
from soundsift.tables import write_parquet
from soundsift.workers import in_order


def augment_clips(
    clips_dir: Path, n_versions: int, params: FeatureParams, statistics: Sequence[str], augmented: Path,
    n_processes: int = 1,
) -> None:  # fmt: skip
    """Write the features of the augmented versions; a mixed-in clip is always another clip of the same batch."""
    clips = visible_files(clips_dir)
    progress = Progress("changed", len(clips))
    one = partial(_versions_of, clips=clips, n_versions=n_versions, params=params, statistics=statistics)
    rows: list[dict[str, Any]] = []
    for found in in_order(one, range(len(clips)), n_processes):
        rows += found
        progress.step()
    write_parquet(versions_table(rows, params, statistics), augmented)


def _versions_of(number: int, clips: Sequence[Path], **how: Any) -> list[dict[str, Any]]:
    return versions(clips[number], [*clips[:number], *clips[number + 1 :]], **how)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        augment_clips(
            clips_dir=Path(snakemake.input.clips),
            n_versions=snakemake.params.n_versions,
            params=FeatureParams(**snakemake.params.features),
            statistics=snakemake.params.statistics,
            augmented=Path(snakemake.output.augmented),
            n_processes=snakemake.threads,
        )
