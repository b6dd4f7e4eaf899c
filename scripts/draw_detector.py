"""Draw the figures of one detector."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from soundsift.detectors.columns import BASELINES, CURVE_COLUMNS, HISTORY_COLUMNS, PROBABILITY_COLUMNS
from soundsift.detectors.metrics import read_metrics
from soundsift.joblog import job_log
from soundsift.report.figures import detectors as figures
from soundsift.tables import read_parquet


def draw_detector(
    detector: str, metrics: Path, probabilities: Path, history: Path, curve: Path, outputs: Mapping[str, Path]
) -> None:
    """Draw calibration, confusion, curves, probabilities, history and learning curve, each to its path.

    If the detector was not judged, figures that need eval clips say so.
    """
    measured = read_metrics(metrics)
    figures.history(read_parquet(history, HISTORY_COLUMNS), detector, outputs["history"])
    performance = measured.performance
    if performance is None:
        for name in outputs.keys() - {"history"}:
            figures.not_judged(f"{detector}: {name}", measured.why_not_judged, outputs[name])
        return
    table = read_parquet(probabilities, PROBABILITY_COLUMNS)
    truth = table["truth"].to_numpy().astype(np.int64)
    probability, uncalibrated = table["probability"].to_numpy(), table["uncalibrated"].to_numpy()
    baselines = {name.replace("_", " "): table[name].to_numpy() for name in BASELINES if table[name].null_count == 0}
    figures.calibration(truth, {"before": uncalibrated, "after": probability}, detector, outputs["calibration"])
    figures.confusion(performance.confusion, detector, outputs["confusion"])
    figures.curves(truth, {detector: probability} | baselines, detector, outputs["curves"])
    figures.probabilities(truth, probability, performance.threshold, detector, outputs["probabilities"])
    figures.learning_curve(read_parquet(curve, CURVE_COLUMNS), detector, outputs["learning"])


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        draw_detector(
            detector=snakemake.wildcards.detector,
            metrics=Path(snakemake.input.metrics),
            probabilities=Path(snakemake.input.probabilities),
            history=Path(snakemake.input.history),
            curve=Path(snakemake.input.curve),
            outputs={name: Path(path) for name, path in snakemake.output.items()},
        )
