"""Write the model card of one detector."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from soundsift.detectors.card import card
from soundsift.detectors.columns import CURVE_COLUMNS, ERROR_COLUMNS
from soundsift.detectors.definition import read_definition
from soundsift.detectors.metrics import read_metrics
from soundsift.files import write_text
from soundsift.joblog import job_log
from soundsift.tables import read_parquet, read_schema


def write_card(
    detector: str, model: Path, features: Path, augmented: Path, metrics: Path, curve: Path, errors: Path,
    classes: Mapping[str, Any], lists: Mapping[str, str], settings: Mapping[str, Mapping[str, Any]], path: Path,
) -> None:  # fmt: skip
    """Write the card as Markdown."""
    definition = read_definition(model)
    partners = pq.read_table(augmented, columns=["partner_video_id"], partitioning=None)["partner_video_id"]
    text = card(
        classes, read_metrics(metrics), read_parquet(curve, CURVE_COLUMNS), read_parquet(errors, ERROR_COLUMNS), lists,
        definition.features, len(definition.columns), settings, definition.calibrations[detector],
        is_mixed=partners.null_count < len(partners), has_groups="group" in read_schema(features).names,
    )  # fmt: skip
    write_text(text, path)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        write_card(
            detector=snakemake.wildcards.detector,
            model=Path(snakemake.input.model),
            features=Path(snakemake.input.features),
            augmented=Path(snakemake.input.augmented),
            metrics=Path(snakemake.input.metrics),
            curve=Path(snakemake.input.curve),
            errors=Path(snakemake.input.errors),
            classes=snakemake.params.classes,
            lists=snakemake.params.lists,
            settings=snakemake.params.settings,
            path=Path(snakemake.output.card),
        )
