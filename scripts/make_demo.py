"""Synthesise the built-in demo: segment lists, label tables and media."""

from pathlib import Path

from soundsift import demo
from soundsift.joblog import job_log


def make_demo(folder: Path, n_processes: int) -> None:
    """Write the lists, tables and media of the demo."""
    demo.make_demo(folder, n_processes=n_processes)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        make_demo(
            folder=Path(snakemake.output.media).parent,
            n_processes=snakemake.threads,
        )
