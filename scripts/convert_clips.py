"""Cut each clip of a batch out of its media, exact to the sample, and record the outcome of every clip."""

from pathlib import Path

from soundsift.files import whole_folder
from soundsift.joblog import job_log
from soundsift.media.archive import Archive
from soundsift.media.clips import convert
from soundsift.media.columns import DOWNLOAD_COLUMNS
from soundsift.tables import read_csv, write_csv


def convert_clips(
    downloads: Path, archive: Path, clip_format: str, sample_rate_hz: int, min_seconds: float,
    clips_dir: Path, outcomes: Path, n_processes: int = 1,
) -> None:  # fmt: skip
    """Write the clips of a batch and their outcomes."""
    rows = read_csv(downloads, DOWNLOAD_COLUMNS).to_pylist()
    with whole_folder(clips_dir) as folder:
        table = convert(
            rows, Archive(archive), folder, clip_format, sample_rate_hz, min_seconds, n_processes, str(downloads)
        )
        write_csv(table, outcomes)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        convert_clips(
            downloads=Path(snakemake.input.downloads),
            archive=Path(snakemake.params.archive),
            clip_format=snakemake.params.format,
            sample_rate_hz=snakemake.params.sample_rate_hz,
            min_seconds=snakemake.params.min_seconds,
            clips_dir=Path(snakemake.output.clips),
            outcomes=Path(snakemake.output.outcomes),
            n_processes=snakemake.threads,
        )
