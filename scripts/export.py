"""Export the clips with their labels for others: Parquet files, tar files and a list of paths."""

import logging
from collections.abc import Sequence
from pathlib import Path

from soundsift.files import whole_folder, write_text
from soundsift.joblog import job_log
from soundsift.media.export import export_clips
from soundsift.tables import read_parquet


def export(clips: Path, folders: Sequence[Path], clip_format: str, exported: Path, files: Path) -> None:
    """Write the folder with all exports, and the list of its files."""
    with whole_folder(exported) as folder:
        n_clips = export_clips(read_parquet(clips), folders, clip_format, folder)
    names = (path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.is_file())
    write_text("".join(f"{name}\n" for name in sorted(names)), files)
    logging.info("%d clips were exported to %s", n_clips, exported)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        export(
            clips=Path(snakemake.input.clips),
            folders=[Path(path) for path in snakemake.input.folders],
            clip_format=snakemake.params.format,
            exported=Path(snakemake.output.exported),
            files=Path(snakemake.output.files),
        )
