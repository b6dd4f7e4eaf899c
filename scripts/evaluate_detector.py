"""Evaluate one detector on clips it was not trained on, beside simpler models trained on the same clips."""

from pathlib import Path

from soundsift.detectors import evaluation
from soundsift.detectors.examples import Batches
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.inference import read_model
from soundsift.detectors.metrics import write_metrics
from soundsift.joblog import job_log
from soundsift.tables import write_parquet


def evaluate_detector(
    features: Path, augmented: Path | None, batches: Batches, model: Path, detector: str, params: Hyperparameters,
    test_fraction: float | None, metrics: Path, predictions: Path, probabilities: Path, errors: Path,
) -> None:  # fmt: skip
    """Write metrics, predictions of every clip of known truth, probabilities of the eval clips, and errors by label."""
    result = evaluation.evaluate(features, augmented, batches, read_model(model), detector, params, test_fraction)
    write_metrics(result.metrics, metrics)
    write_parquet(result.predictions, predictions)
    write_parquet(result.probabilities, probabilities)
    write_parquet(evaluation.errors(features, result.predictions), errors)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        augmented = snakemake.input.get("augmented")
        evaluate_detector(
            features=Path(snakemake.input.features),
            augmented=Path(augmented) if augmented else None,
            batches=Batches.of(snakemake.input),
            model=Path(snakemake.input.model),
            detector=snakemake.wildcards.detector,
            params=Hyperparameters(**snakemake.params.network),
            test_fraction=snakemake.params.test_fraction,
            metrics=Path(snakemake.output.metrics),
            predictions=Path(snakemake.output.predictions),
            probabilities=Path(snakemake.output.probabilities),
            errors=Path(snakemake.output.errors),
        )
