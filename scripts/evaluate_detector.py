"""Judge one detector by clips it has not heard, beside simpler ones trained on the same clips."""

from collections.abc import Mapping
from pathlib import Path

from soundsift.detectors import evaluation
from soundsift.detectors.hyperparameters import Hyperparameters
from soundsift.detectors.model_file import load
from soundsift.files import write_json
from soundsift.joblog import job_log
from soundsift.report.figures import detectors
from soundsift.tables import read_parquet, write_parquet


def evaluate_detector(
    features: Path, augmented: Path | None, model: Path, history: Path, detector: str, params: Hyperparameters,
    test_fraction: float | None, outputs: Mapping[str, Path],
) -> None:  # fmt: skip
    """Write metrics, predictions of every clip of known truth, errors by label, and figures."""
    result = evaluation.evaluate(features, augmented, *load(model), detector, params, test_fraction)
    write_json(result.metrics, outputs["metrics"])
    write_parquet(result.predictions, outputs["predictions"])
    write_parquet(evaluation.errors(features, result.predictions), outputs["errors"])
    said = result.probability[detector]
    detectors.calibration(
        result.truth, {"before": result.uncalibrated, "after": said}, detector, outputs["calibration"]
    )
    detectors.confusion(result.metrics["confusion"], detector, outputs["confusion"])
    detectors.curves(result.truth, result.probability, detector, outputs["curves"])
    detectors.probabilities(result.truth, said, result.metrics["threshold"], detector, outputs["probabilities"])
    detectors.history(read_parquet(history), detector, outputs["history"])


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        augmented = snakemake.input.get("augmented")
        evaluate_detector(
            features=Path(snakemake.input.features),
            augmented=Path(augmented) if augmented else None,
            model=Path(snakemake.input.model),
            history=Path(snakemake.input.history),
            detector=snakemake.wildcards.detector,
            params=Hyperparameters(**snakemake.params.network),
            test_fraction=snakemake.params.test_fraction,
            outputs={name: Path(path) for name, path in snakemake.output.items()},
        )
