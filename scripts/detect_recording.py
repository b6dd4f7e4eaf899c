"""Find out what is heard in one recording, and when."""

from pathlib import Path

from soundsift import detections
from soundsift.detector import SEGMENT_COLUMNS, load
from soundsift.errors import MediaError
from soundsift.joblog import job_log
from soundsift.recordings import decoded
from soundsift.tables import schema_of, write_csv, write_json, write_text


def detect_recording(recording: Path, model: Path, segments: Path, labels: Path, figure: Path, record: Path) -> None:
    """Write the segments, a label track, a timeline and what became of the recording; one that is broken has none."""
    detector = load(model)
    thresholds = detector.definition.thresholds
    try:
        heard = detector.listen(recording)
    except MediaError as error:
        found = schema_of(SEGMENT_COLUMNS).empty_table()
        drawn, became = detections.no_timeline(error.reason), (error.outcome, error.reason, None)
    else:
        found = heard.segments
        drawn = detections.timeline(heard, thresholds, recording.name)
        became = (heard.outcome, heard.reason, round(heard.duration_seconds, 3))
    write_csv(found, segments)
    write_text(detections.label_track(found), labels)
    write_text(drawn, figure)
    write_json(detections.record(recording, *became, found, list(thresholds)), record)


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
