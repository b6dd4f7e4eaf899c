"""Find out what is heard in one recording, and when."""

from pathlib import Path

import pyarrow as pa

from soundsift import detections, plots
from soundsift.detector import SEGMENT_COLUMNS, load
from soundsift.errors import MediaError
from soundsift.joblog import job_log
from soundsift.tables import schema_of, write_csv, write_json, write_text


def detect_recording(recording: Path, model: Path, segments: Path, labels: Path, figure: Path, record: Path) -> None:
    """Write the segments, a label track, a timeline and what became of the recording; one that is broken has none."""
    detector = load(model)
    thresholds = detector.definition.thresholds
    try:
        heard = detector.listen(recording)
    except MediaError as error:
        found, drawn = pa.Table.from_pylist([], schema=schema_of(SEGMENT_COLUMNS)), plots.no_timeline(error.reason)
        said = detections.record(str(recording), error.outcome, error.reason, None, found, list(thresholds))
    else:
        found = heard.segments
        said = detections.record(
            str(recording), heard.outcome, heard.reason, round(heard.duration_seconds, 3), found, list(thresholds)
        )
        drawn = plots.timeline(
            heard.spectrogram, heard.duration_seconds, heard.probability, found, thresholds, recording.name
        )
    write_csv(found, segments)
    write_text(detections.label_track(found), labels)
    write_text(drawn, figure)
    write_json(said, record)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        detect_recording(
            recording=Path(snakemake.input.recording),
            model=Path(snakemake.input.model),
            segments=Path(snakemake.output.segments),
            labels=Path(snakemake.output.labels),
            figure=Path(snakemake.output.figure),
            record=Path(snakemake.output.record),
        )
