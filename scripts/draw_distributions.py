"""Draw how telling features are spread among clips with and without a detector's class."""

from pathlib import Path

from soundsift import gallery, plots
from soundsift.joblog import job_log


def draw_distributions(features: Path, detector: str, figure: Path) -> None:
    """Draw them."""
    plots.distributions(*gallery.telling(features, detector), detector, figure)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        draw_distributions(
            features=Path(snakemake.input.features),
            detector=snakemake.wildcards.detector,
            figure=Path(snakemake.output.figure),
        )
