"""Export the clips with their labels for others: Parquet files, tar files and a list of paths."""

import logging
from collections.abc import Sequence
from pathlib import Path

from soundsift.files import whole_folder
from soundsift.joblog import job_log
from soundsift.media.export import export_clips
from soundsift.tables import read_parquet


def export(clips: Path, folders: Sequence[Path], clip_format: str, exported: Path) -> None:
    """Write the folder with all exports."""
    with whole_folder(exported) as folder:
        n_clips = export_clips(read_parquet(clips), folders, clip_format, folder)
    logging.info("%d clips were exported to %s", n_clips, exported)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        export(
            clips=Path(snakemake.input.clips),
            folders=[Path(path) for path in snakemake.input.folders],
            clip_format=snakemake.params.format,
            exported=Path(snakemake.output.exported),
        )
