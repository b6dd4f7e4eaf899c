"""Detect the classes in the recordings of one group."""

from collections.abc import Mapping
from pathlib import Path

from soundsift.detection.formats import FORMATS, record
from soundsift.detection.listen import Detector, load
from soundsift.detection.paths import decode_path
from soundsift.detection.state import is_current, results_of, state_of
from soundsift.detection.timeline_data import no_timeline_data, timeline_data, write_timeline_data
from soundsift.features.spectrogram import Spectrogram
from soundsift.files import sha256_of, write_json, write_text
from soundsift.joblog import Progress, job_log


def detect_recordings(recordings: Mapping[str, Path], model: Path, code: str, done: Path) -> None:
    """Write segments, label track, record and timeline data of each recording that has changed since the last run.

    Parameters
    ----------
    recordings
        {name: path}
    code
        Digest of the code. With new code, and with a new model, all recordings have changed.
    """
    detector, made_with = load(model), f"{sha256_of(model)} {code}"
    progress = Progress("analysed", len(recordings))
    for name, recording in recordings.items():
        if not is_current(name, recording, made_with):
            detect_recording(detector, name, recording, made_with)
        progress.step()
    write_json({"recordings": list(recordings)}, done)


def detect_recording(detector: Detector, name: str, recording: Path, made_with: str) -> None:
    """Write the files of one recording, the record last. If it cannot be read, only the record has entries."""
    state, thresholds = state_of(recording, made_with), detector.definition.thresholds
    spectrogram = Spectrogram(detector.definition.feature_params()[1])
    answer = detector.answer(recording, on_block=spectrogram.add)
    result, data = answer.result, no_timeline_data()
    if result.was_read:
        power, bands_hz = spectrogram.power(), spectrogram.frequencies_hz
        data = timeline_data(thresholds, result.probability, result.duration_seconds, power, bands_hz)
    place_of_record, segments, labels, timeline = results_of(name)
    write_timeline_data(data, timeline)
    write_text(FORMATS["csv"].text(answer), segments)
    write_text(FORMATS["audacity"].text(answer), labels)
    write_json(record(answer) | {"state": state}, place_of_record)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        detect_recordings(
            recordings={name: decode_path(path) for name, path in snakemake.params.recordings},
            model=Path(snakemake.input.model),
            code=snakemake.params.code,
            done=Path(snakemake.output.done),
        )
