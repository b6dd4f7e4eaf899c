"""Judge one detector by clips it has not heard, beside simpler ones trained on the same clips."""

from collections.abc import Mapping
from pathlib import Path

from soundsift import evaluation, plots
from soundsift.joblog import job_log
from soundsift.models import load
from soundsift.tables import read_parquet, write_json, write_parquet
from soundsift.training import TrainingParams


def evaluate_detector(
    features: Path, augmented: Path | None, model: Path, history: Path, detector: str, params: TrainingParams,
    test_fraction: float | None, outputs: Mapping[str, Path],
) -> None:  # fmt: skip
    """Write metrics, predictions of every clip of known truth, errors by label, and figures."""
    result = evaluation.evaluate(features, augmented, *load(model), detector, params, test_fraction)
    write_json(result.metrics, outputs["metrics"])
    write_parquet(result.predictions, outputs["predictions"])
    write_parquet(evaluation.errors(features, result.predictions), outputs["errors"])
    said = result.probability[detector]
    plots.calibration(result.truth, {"before": result.uncalibrated, "after": said}, detector, outputs["calibration"])
    plots.confusion(result.metrics["confusion"], detector, outputs["confusion"])
    plots.curves(result.truth, result.probability, detector, outputs["curves"])
    plots.probabilities(result.truth, said, result.metrics["threshold"], detector, outputs["probabilities"])
    plots.history(read_parquet(history), detector, outputs["history"])


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        augmented = snakemake.input.get("augmented")
        evaluate_detector(
            features=Path(snakemake.input.features),
            augmented=Path(augmented) if augmented else None,
            model=Path(snakemake.input.model),
            history=Path(snakemake.input.history),
            detector=snakemake.wildcards.detector,
            params=TrainingParams(**snakemake.params.network),
            test_fraction=snakemake.params.test_fraction,
            outputs={name: Path(path) for name, path in snakemake.output.items()},
        )
