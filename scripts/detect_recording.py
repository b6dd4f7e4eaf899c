"""Detect the classes in one recording."""

from pathlib import Path

from soundsift.detection.formats import FORMATS
from soundsift.detection.listen import load
from soundsift.detection.paths import decode_path
from soundsift.detection.timeline_data import no_timeline_data, timeline_data, write_timeline_data
from soundsift.features.spectrogram import Spectrogram
from soundsift.files import write_text
from soundsift.joblog import job_log


def detect_recording(recording: Path, model: Path, segments: Path, labels: Path, timeline: Path, record: Path) -> None:
    """Write the segments, the label track, the timeline data and the record of one recording.

    If the recording cannot be read, the record has the reason and the other files have no entries.
    """
    detector = load(model)
    spectrogram = Spectrogram(detector.definition.feature_params()[1])
    answer = detector.answer(recording, on_block=spectrogram.add)
    result, data = answer.result, no_timeline_data()
    if result.was_read:
        data = timeline_data(
            detector.definition.thresholds, result.probability, result.duration_seconds, spectrogram.power(),
            spectrogram.frequencies_hz,
        )  # fmt: skip
    for name, path in (("csv", segments), ("audacity", labels), ("json", record)):
        write_text(FORMATS[name].text(answer), path)
    write_timeline_data(data, timeline)


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
