"""Find out what is heard in one recording, and when."""

from pathlib import Path

from soundsift.detection import formats
from soundsift.detection.listen import load
from soundsift.detection.recordings import decoded
from soundsift.detection.segments import SEGMENT_COLUMNS
from soundsift.errors import MediaError
from soundsift.files import write_json, write_text
from soundsift.joblog import job_log
from soundsift.report.figures import timeline
from soundsift.tables import schema_of, write_csv


def detect_recording(recording: Path, model: Path, segments: Path, labels: Path, figure: Path, record: Path) -> None:
    """Write the segments, a label track, a timeline and what became of the recording; one that is broken has none."""
    detector = load(model)
    thresholds = detector.definition.thresholds
    seconds: float | None = None
    try:
        heard = detector.listen(recording)
    except MediaError as error:
        found = schema_of(SEGMENT_COLUMNS).empty_table()
        drawn, outcome, reason = timeline.no_timeline(error.reason), error.outcome, error.reason
    else:
        found = heard.segments
        drawn = timeline.timeline(heard, thresholds, recording.name)
        outcome, reason, seconds = heard.outcome, heard.reason, round(heard.duration_seconds, 3)
    write_csv(found, segments)
    write_text(formats.label_track(found), labels)
    write_text(drawn, figure)
    write_json(formats.record(recording, outcome, reason, seconds, found, list(thresholds)), record)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        detect_recording(
            recording=decoded(snakemake.params.recording),
            model=Path(snakemake.input.model),
            segments=Path(snakemake.output.segments),
            labels=Path(snakemake.output.labels),
            figure=Path(snakemake.output.figure),
            record=Path(snakemake.output.record),
        )
