"""Judge one detector by clips it has not seen, beside simpler ones trained on the same clips."""

from collections.abc import Mapping
from pathlib import Path

from soundsift import detector as detectors
from soundsift import evaluation, plots
from soundsift.joblog import job_log
from soundsift.tables import read_parquet, write_json, write_parquet


def evaluate_detector(
    features: Path, model: Path, history: Path, detector: str, how_balanced: str, test_fraction: float, seed: int,
    metrics: Path, predictions: Path, figures: Mapping[str, Path],
) -> None:  # fmt: skip
    """Write metrics, predictions of every clip of known truth, and figures."""
    table = read_parquet(features)
    result = evaluation.evaluate(table, *detectors.load(model), detector, how_balanced, test_fraction, seed)
    write_json(result.metrics, metrics)
    write_parquet(result.predictions, predictions)
    plots.confusion(result.metrics["confusion"], detector, figures["confusion"])
    plots.curves(result.truth, result.probability, detector, figures["curves"])
    plots.probabilities(
        result.truth, result.probability[detector], result.metrics["threshold"], detector, figures["probabilities"]
    )
    plots.history(read_parquet(history), detector, figures["history"])


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        evaluate_detector(
            features=Path(snakemake.input.features),
            model=Path(snakemake.input.model),
            history=Path(snakemake.input.history),
            detector=snakemake.wildcards.detector,
            how_balanced=snakemake.params.balance,
            test_fraction=snakemake.params.test_fraction,
            seed=snakemake.params.seed,
            metrics=Path(snakemake.output.metrics),
            predictions=Path(snakemake.output.predictions),
            figures={
                name: Path(snakemake.output[name]) for name in ("confusion", "curves", "probabilities", "history")
            },
        )
