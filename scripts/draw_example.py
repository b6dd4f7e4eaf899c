"""Draw one clip with its features: the first in which most of the detectors' classes are heard."""

from pathlib import Path

import pyarrow.parquet as pq

from soundsift import plots, summary
from soundsift.joblog import job_log
from soundsift.media import read_samples
from soundsift.tables import read_parquet


def draw_example(features: Path, clips_dir: Path, frames_dir: Path, clip_format: str, figure: Path) -> None:
    """Draw the example clip."""
    columns = ["batch", "clip_id", "labels", *(n for n in pq.read_schema(features).names if n.startswith("is_"))]
    batch, clip_id, labels = summary.example_clip(pq.read_table(features, columns=columns, partitioning=None))
    samples, sample_rate_hz = read_samples(clips_dir / batch / f"{clip_id}.{clip_format}")
    frames = read_parquet(frames_dir / batch / f"{clip_id}.parquet")
    plots.example(samples, sample_rate_hz, frames, f"{clip_id}: {', '.join(labels)}", figure)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        draw_example(
            features=Path(snakemake.input.features),
            clips_dir=Path(snakemake.input.clips[0]).parent,
            frames_dir=Path(snakemake.input.frames[0]).parent,
            clip_format=snakemake.params.format,
            figure=Path(snakemake.output.figure),
        )
