"""Compute the frame features of every clip of a batch, one Parquet file per clip."""

import logging
from functools import partial
from pathlib import Path

from soundsift.config.features import FeatureParams
from soundsift.errors import MediaError
from soundsift.features.frames import filters_of, frames_table
from soundsift.features.log_mel import with_log_mel
from soundsift.features.transform import transform_and_log_mel
from soundsift.files import visible_files, whole_folder, write_text
from soundsift.joblog import Progress, job_log
from soundsift.media.clip_file import read_samples
from soundsift.tables import write_parquet
from soundsift.workers import in_order


def extract_features(
    clips_dir: Path, frames_dir: Path, params: FeatureParams, n_processes: int = 1, add_log_mel: bool = False
) -> None:
    """Write the frames table of each clip, or ``{clip_id}.txt`` with the reason why the clip file cannot be read."""
    clips = visible_files(clips_dir)
    progress = Progress("extracted", len(clips))
    with whole_folder(frames_dir) as folder:
        for _ in in_order(
            partial(_extract_one, folder=folder, params=params, add_log_mel=add_log_mel), clips, n_processes
        ):
            progress.step()


def _extract_one(clip: Path, folder: Path, params: FeatureParams, add_log_mel: bool) -> None:
    try:
        samples, sample_rate_hz = read_samples(clip)
    except MediaError as error:
        logging.warning("%s", error.reason)
        write_text(f"{error.reason}\n", folder / f"{clip.stem}.txt")
        return
    filters = filters_of(sample_rate_hz, params)
    frames, log_mel = transform_and_log_mel(samples, sample_rate_hz, params, filters)
    table = frames_table(frames, clip.stem, sample_rate_hz, params)
    if add_log_mel:
        table = with_log_mel(table, log_mel)
    write_parquet(table, folder / f"{clip.stem}.parquet")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        extract_features(
            clips_dir=Path(snakemake.input.clips),
            frames_dir=Path(snakemake.output.frames),
            params=FeatureParams(**snakemake.params.features),
            n_processes=snakemake.threads,
            add_log_mel=snakemake.params.log_mel,
        )
