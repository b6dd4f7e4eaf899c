import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
import pytest

from soundsift.detection import formats
from soundsift.detection.listen import Heard
from soundsift.detection.segments import SEGMENT_COLUMNS
from soundsift.features.spectrogram import Spectrogram
from soundsift.report import detection
from soundsift.report.figures import timeline
from soundsift.tables import schema_of

SEGMENTS = pa.Table.from_pylist(
    [
        {"start_seconds": 0.0, "end_seconds": 4.0, "detector": "music", "probability": 0.9},
        {"start_seconds": 6.0, "end_seconds": 9.5, "detector": "music", "probability": 0.8},
        {"start_seconds": 3.0, "end_seconds": 9.5, "detector": "speech", "probability": 0.7},
    ],
    schema=schema_of(SEGMENT_COLUMNS),
)


def heard(tone: np.ndarray) -> Heard:
    spectrogram = Spectrogram(22050)
    spectrogram.add(tone)
    probability = {"music": np.full(10, 0.9), "speech": np.full(10, 0.2)}
    return Heard(9.5, probability, SEGMENTS, spectrogram, "ok", "")


def test_a_time_is_written_as_people_write_it() -> None:
    assert [formats.clock(s) for s in (0, 7.4, 59.6, 754, 3723)] == ["0:00", "0:07", "1:00", "12:34", "1:02:03"]


def test_a_label_track_is_in_order_of_time() -> None:
    assert formats.label_track(SEGMENTS).splitlines() == [
        "0.000\t4.000\tmusic", "3.000\t9.500\tspeech", "6.000\t9.500\tmusic"
    ]  # fmt: skip


def test_a_timeline_says_in_words_what_it_shows(tone: np.ndarray) -> None:
    drawn = timeline.timeline(heard(tone), {"music": 0.5, "speech": 0.5}, "a <b>.mp3")
    assert "music: 0:00 to 0:04, 0:06 to 0:10; speech: 0:03 to 0:10" in drawn
    assert "a &lt;b&gt;.mp3" in drawn


def test_a_timeline_shows_everything_at_its_time(tone: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "svg", lambda figure, _: figure)
    figure = timeline.timeline(heard(tone), {"music": 0.4, "speech": 0.5}, "a.mp3")
    spectrogram, music, _ = figure.axes
    (image,) = spectrogram.images
    assert image.get_extent()[:2] == [0, 9.5]
    assert image.origin == "lower"
    # a tone of 440 Hz lies just below the first mark
    band = int(np.argmax(image.get_array().mean(axis=1)))
    assert 0 < spectrogram.get_yticks()[0] - band < 4
    *shaded, course = music.patches
    assert [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in shaded] == [(0, 4), (6, 9.5)]
    assert course.get_data().edges.tolist() == [*range(10), 9.5]
    assert course.get_data().values.tolist() == [0.9] * 10
    assert music.lines[0].get_ydata()[0] == 0.4
    figure.canvas.draw()
    for axes in figure.axes:
        place = axes.get_position()
        assert (place.x0, place.x1) == pytest.approx(timeline.SPAN)
        assert axes.get_xlim() == (0, 9.5)
    plt.close(figure)


def test_seconds_are_counted_by_detector_and_a_broken_recording_is_a_row_too() -> None:
    nothing = SEGMENTS.slice(0, 0)
    records = [
        formats.record(Path("x/a.mp3"), "ok", "", 9.5, SEGMENTS, ["music", "speech"]),
        formats.record(Path("x/b.mp3"), "corrupt", "b.mp3 cannot be decoded", None, nothing, ["music", "speech"]),
    ]
    assert formats.overview(records).to_pylist() == [
        {
            "recording": "x/a.mp3", "outcome": "ok", "reason": "", "duration_seconds": 9.5,
            "music_seconds": 7.5, "speech_seconds": 6.5,
        },
        {
            "recording": "x/b.mp3", "outcome": "corrupt", "reason": "b.mp3 cannot be decoded",
            "duration_seconds": None, "music_seconds": None, "speech_seconds": None,
        },
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a b.mp3", 'Über "uns" & #1 100%.mp3', "<script>.mp3", "K\udce4se {1}.mp3"])
def test_the_page_plays_the_file_itself_by_its_address(name: str, tone: np.ndarray, tmp_path: Path) -> None:
    figure, page = tmp_path / "results" / "detections" / "a.svg", tmp_path / "results" / "detections.html"
    figure.parent.mkdir(parents=True)
    figure.write_text(timeline.timeline(heard(tone), {"music": 0.5, "speech": 0.5}, name))
    record = formats.record(tmp_path / "in" / name, "ok", "", 9.5, SEGMENTS, ["music", "speech"])
    shown = detection.shown(record, figure, page)
    address = shown.partition("<audio")[2].partition('src="')[2].partition('"')[0]
    assert unquote_to_bytes(address) == os.fsencode(f"../in/{name}")
    assert 'src="detections/a.svg"' in shown
    assert "<script>" not in shown
    assert "music 0:08, speech 0:06 of 0:10" in shown


def test_a_reason_with_bytes_that_are_no_text_can_be_written() -> None:
    assert "K\ufffdse.wav cannot be decoded" in timeline.no_timeline("K\udce4se.wav cannot be decoded")
