"""Show a clip of each of the first two detectors' classes with its features, to look at and listen to together."""

from collections.abc import Sequence
from pathlib import Path

from soundsift.joblog import job_log
from soundsift.report import gallery
from soundsift.report.page import write_page


def draw_gallery(
    features: Path, clips_dir: Path, frames_dir: Path, clip_format: str, detectors: Sequence[str], page: Path
) -> None:
    """Write the page."""
    shown = []
    for detector, batch, clip_id, labels in gallery.choose(features, detectors[:2]):
        sound, frames = clips_dir / batch / f"{clip_id}.{clip_format}", frames_dir / batch / f"{clip_id}.parquet"
        shown.append(f"<div>\n<h3>{detector}</h3>\n{gallery.show(clip_id, labels, sound, frames)}\n</div>")
    guide = (
        "<p>Play a clip: the line follows the sound. A click into the picture goes there; with the line in focus "
        "the arrow keys move the line by half a second and the space bar plays and pauses.</p>"
    )
    side_by_side = f'{guide}\n<div class="beside">\n{"".join(shown)}\n</div>'
    write_page("Features of two clips", [("What the workflow hears", side_by_side)], page)


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
