"""Draw how telling features are spread among clips with and without a detector's class."""

from pathlib import Path

from soundsift.joblog import job_log
from soundsift.report import gallery
from soundsift.report.figures import features as feature_figures


def draw_distributions(features: Path, detector: str, figure: Path) -> None:
    """Draw them."""
    feature_figures.distributions(*gallery.telling(features, detector), detector, figure)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        draw_distributions(
            features=Path(snakemake.input.features),
            detector=snakemake.wildcards.detector,
            figure=Path(snakemake.output.figure),
        )
