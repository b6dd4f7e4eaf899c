"""Compute the frame features of every clip of a batch, one Parquet file a clip."""

from pathlib import Path

from soundsift.features import FeatureParams, frame_features, frames_table
from soundsift.joblog import Progress, job_log
from soundsift.media import read_samples
from soundsift.tables import visible_files, whole_folder, write_parquet


def extract_features(clips_dir: Path, frames_dir: Path, params: FeatureParams) -> None:
    """Read each clip back from its file and write its frames table."""
    clips = visible_files(clips_dir)
    progress = Progress("extracted", len(clips))
    with whole_folder(frames_dir) as folder:
        for clip in clips:
            samples, sample_rate_hz = read_samples(clip)
            frames = frame_features(samples, sample_rate_hz, params)
            table = frames_table(frames, clip.stem, sample_rate_hz, params)
            write_parquet(table, folder / f"{clip.stem}.parquet")
            progress.step()


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        extract_features(
            clips_dir=Path(snakemake.input.clips),
            frames_dir=Path(snakemake.output.frames),
            params=FeatureParams(**snakemake.params.features),
        )
