"""Train one detector on the features table."""

import logging
from dataclasses import asdict
from pathlib import Path

from soundsift.detectors.definition import Definition
from soundsift.detectors.examples import Batches, read_examples
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.model_file import save
from soundsift.detectors.training import train
from soundsift.features.definition import definition_of, params_of
from soundsift.features.frames import filters_of
from soundsift.features.inputs import input_columns
from soundsift.joblog import job_log
from soundsift.tables import read_schema, write_parquet


def train_detector(
    features: Path, augmented: Path | None, batches: Batches, detector: str, feature_set: str, params: Hyperparameters,
    test_fraction: float | None, is_demo: bool, model: Path, history: Path,
) -> None:  # fmt: skip
    """Train on the training clips and their augmented versions; write the model and the history of its loss."""
    schema = read_schema(features)
    columns = input_columns(schema.names, feature_set) if params.model != "frames" else []
    examples = read_examples(
        features, augmented, detector, columns, test_fraction, params.seed,
        batches if params.model != "statistics" else None,
    )  # fmt: skip
    logging.info("%d training clips, and %d examples in all", examples.n_clips, len(examples.x))
    trained = train(detector, examples, params, columns)
    held_out = {detector: asdict(trained.held_out)} if trained.held_out else {}
    definition = Definition(
        columns, definition_of(schema), {detector: trained.threshold}, {detector: trained.weights},
        {detector: trained.window_weights}, is_demo, held_out,
    )  # fmt: skip
    if trained.held_out and (remark := trained.held_out.remark):
        logging.getLogger("soundsift").warning("detector %s: %s", detector, remark)
    params_of_features, sample_rate_hz = params_of(definition.features)
    save(trained.model, definition, filters_of(sample_rate_hz, params_of_features), model)
    write_parquet(trained.history, history)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        augmented = snakemake.input.get("augmented")
        train_detector(
            features=Path(snakemake.input.features),
            augmented=Path(augmented) if augmented else None,
            batches=Batches.of(snakemake.input),
            detector=snakemake.wildcards.detector,
            feature_set=snakemake.params.features,
            params=Hyperparameters(**snakemake.params.network),
            test_fraction=snakemake.params.test_fraction,
            is_demo=snakemake.params.is_demo,
            model=Path(snakemake.output.model),
            history=Path(snakemake.output.history),
        )
