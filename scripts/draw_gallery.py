"""Show one clip for each of the first two detectors, as a figure of its features with a player."""

from collections.abc import Sequence
from pathlib import Path

from soundsift.joblog import job_log
from soundsift.report import gallery
from soundsift.report.page import write_page


def draw_gallery(
    features: Path, clips_dir: Path, frames_dir: Path, clip_format: str, detectors: Sequence[str], page: Path
) -> None:
    """Write the page."""
    clips = []
    for detector, batch, clip_id, labels in gallery.choose(features, detectors[:2]):
        sound, frames = clips_dir / batch / f"{clip_id}.{clip_format}", frames_dir / batch / f"{clip_id}.parquet"
        clips.append((detector, gallery.clip_figure(clip_id, labels, sound, frames)))
    write_page("Features of two clips", [("Waveform, spectrogram and features", gallery.side_by_side(clips))], page)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        draw_gallery(
            features=Path(snakemake.input.features),
            clips_dir=Path(snakemake.input.clips[0]).parent,
            frames_dir=Path(snakemake.input.frames[0]).parent,
            clip_format=snakemake.params.format,
            detectors=snakemake.params.detectors,
            page=Path(snakemake.output.page),
        )
