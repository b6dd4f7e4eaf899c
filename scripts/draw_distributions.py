"""Draw histograms of distinctive features for clips with and without a detector's class."""

from pathlib import Path

from soundsift.joblog import job_log
from soundsift.report.distributions import distinctive_features
from soundsift.report.figures import features as feature_figures


def draw_distributions(features: Path, detector: str, figure: Path) -> None:
    """Write the figure."""
    values, truth = distinctive_features(features, detector)
    feature_figures.distributions(values, truth, detector, figure)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        draw_distributions(
            features=Path(snakemake.input.features),
            detector=snakemake.wildcards.detector,
            figure=Path(snakemake.output.figure),
        )
