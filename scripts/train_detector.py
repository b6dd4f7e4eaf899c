"""Train one detector on the features table."""

import logging
from collections.abc import Sequence
from pathlib import Path

from soundsift import detector as detectors
from soundsift.features import feature_matrix, input_columns
from soundsift.frames import definition_of
from soundsift.joblog import job_log
from soundsift.split import train_and_eval, truth_of
from soundsift.tables import read_parquet, write_parquet


def train_detector(
    features: Path, detector: str, feature_set: str, hidden_units: Sequence[int], how_balanced: str,
    test_fraction: float, seed: int, model_path: Path, history_path: Path,
) -> None:  # fmt: skip
    """Train on the clips that teach, and write the model and how training went."""
    table = read_parquet(features)
    rows, _ = train_and_eval(table, detector, test_fraction, seed)
    truth = truth_of(table, detector)
    names = input_columns(table, feature_set)
    logging.info("%s: %d clips to train on, %d of them with it", detector, len(rows), truth[rows].sum())
    model, history = detectors.train(
        detector, feature_matrix(table.take(rows), names), truth[rows], table["video_id"].take(rows).to_pylist(),
        how_balanced, detectors.TrainingParams(hidden_units, seed),
    )  # fmt: skip
    definition = detectors.Definition(names, definition_of(table), {detector: 0.5})
    detectors.save(model, definition, model_path)
    write_parquet(history, history_path)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        train_detector(
            features=Path(snakemake.input.features),
            detector=snakemake.wildcards.detector,
            feature_set=snakemake.params.features,
            hidden_units=snakemake.params.hidden_units,
            how_balanced=snakemake.params.balance,
            test_fraction=snakemake.params.test_fraction,
            seed=snakemake.params.seed,
            model_path=Path(snakemake.output.model),
            history_path=Path(snakemake.output.history),
        )
