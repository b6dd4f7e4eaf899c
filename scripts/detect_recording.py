"""Detect the classes in one recording."""

from pathlib import Path

from soundsift.detection import formats
from soundsift.detection.columns import SEGMENT_COLUMNS
from soundsift.detection.listen import load
from soundsift.detection.paths import decode_path
from soundsift.detection.timeline_data import no_timeline_data, timeline_data, write_timeline_data
from soundsift.errors import MediaError
from soundsift.features.spectrogram import Spectrogram
from soundsift.files import write_json, write_text
from soundsift.joblog import job_log
from soundsift.tables import schema_of, write_csv


def detect_recording(recording: Path, model: Path, segments: Path, labels: Path, timeline: Path, record: Path) -> None:
    """Write the segments, the label track, the timeline data and the record of one recording.

    If the recording cannot be read, the record has the reason and the other files have no entries.
    """
    detector = load(model)
    thresholds = detector.definition.thresholds
    spectrogram = Spectrogram(detector.definition.feature_params()[1])
    seconds: float | None = None
    try:
        result = detector.detect(recording, on_block=spectrogram.add)
    except MediaError as error:
        found, data = schema_of(SEGMENT_COLUMNS).empty_table(), no_timeline_data()
        outcome, reason = error.outcome, error.reason
    else:
        found = result.to_arrow()
        data = timeline_data(
            thresholds, result.probability, result.duration_seconds, spectrogram.power(), spectrogram.frequencies_hz
        )
        outcome, reason, seconds = result.outcome, result.reason, round(result.duration_seconds, 3)
    write_csv(found, segments)
    write_text(formats.label_track(found), labels)
    write_timeline_data(data, timeline)
    write_json(formats.record(recording, outcome, reason, seconds, found, list(thresholds)), record)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        detect_recording(
            recording=decode_path(snakemake.params.recording),
            model=Path(snakemake.input.model),
            segments=Path(snakemake.output.segments),
            labels=Path(snakemake.output.labels),
            timeline=Path(snakemake.output.timeline),
            record=Path(snakemake.output.record),
        )
