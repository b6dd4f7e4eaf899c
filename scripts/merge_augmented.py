"""Merge the augmented versions of all training clips and add their truth."""

import logging
from collections.abc import Sequence
from pathlib import Path

from soundsift.features.augmented_table import merge
from soundsift.features.trainable import check_trainable
from soundsift.joblog import job_log


def merge_augmented(features: Path, augmented: Sequence[Path], table: Path) -> None:
    """Write the table of augmented versions. Every training needs it, so detectors that cannot be trained end here."""
    check_trainable(features)
    logging.info("merged %d augmented versions of clips", merge(features, augmented, table))


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        merge_augmented(
            features=Path(snakemake.input.features),
            augmented=[Path(path) for path in snakemake.input.augmented],
            table=Path(snakemake.output.table),
        )
