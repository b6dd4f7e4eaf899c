"""Draw the timelines of the recordings of one group."""

from collections.abc import Sequence
from pathlib import Path

from soundsift.detection.columns import SEGMENT_COLUMNS
from soundsift.detection.state import figures_of, results_of
from soundsift.detection.timeline_data import read_timeline_data
from soundsift.files import read_json, write_json, write_text
from soundsift.joblog import job_log
from soundsift.report.figures.timeline import no_timeline, timeline
from soundsift.tables import read_csv


def draw_recordings(names: Sequence[str], done: Path) -> None:
    """Write one timeline for each recording."""
    for name in names:
        record, segments, _, data = results_of(name)
        (figure,) = figures_of(name)
        draw_recording(record, segments, data, figure)
    write_json({"recordings": list(names)}, done)


def draw_recording(record: Path, segments: Path, data: Path, figure: Path) -> None:
    """Write the timeline. If the recording could not be read, the figure shows the reason instead."""
    result = read_json(record)
    if result["duration_seconds"] is None:
        drawn = no_timeline(result["reason"])
    else:
        name = Path(result["recording"]).name
        drawn = timeline(read_timeline_data(data), read_csv(segments, SEGMENT_COLUMNS), name)
    write_text(drawn, figure)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        draw_recordings(
            names=read_json(Path(snakemake.input.detected))["recordings"],
            done=Path(snakemake.output.done),
        )
