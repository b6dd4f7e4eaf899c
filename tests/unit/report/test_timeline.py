import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

import matplotlib.pyplot as plt
import numpy as np
import pytest

from draw_recordings import draw_recording
from soundsift.detection import formats
from soundsift.detection.timeline_data import (
    TimelineData,
    no_timeline_data,
    read_timeline_data,
    timeline_data,
    write_timeline_data,
)
from soundsift.features.spectrogram import Spectrogram
from soundsift.files import write_json
from soundsift.report.clock import clock
from soundsift.report.detection import recording_section
from soundsift.report.figures import timeline
from soundsift.report.figures.spans import TIMELINE_SPAN
from tests.unit.detection.test_formats import answer, broken

SEGMENTS = answer().result.to_arrow()


def data(tone: np.ndarray) -> TimelineData:
    spectrogram = Spectrogram(22050)
    spectrogram.add(tone)
    probability = {"music": np.full(10, 0.9), "speech": np.full(10, 0.2)}
    thresholds = {"speech": 0.5, "music": 0.4}
    return timeline_data(thresholds, probability, 9.5, spectrogram.power(), spectrogram.frequencies_hz)


def test_a_time_is_written_in_minutes_and_seconds() -> None:
    assert [clock(s) for s in (0, 7.4, 59.6, 754, 3723)] == ["0:00", "0:07", "1:00", "12:34", "1:02:03"]


def test_a_timeline_describes_its_segments_in_words(tone: np.ndarray) -> None:
    drawn = timeline.timeline(data(tone), SEGMENTS, "a <b>.mp3")
    assert "music: 0:00 to 0:04, 0:06 to 0:10; speech: 0:03 to 0:10" in drawn
    assert "a &lt;b&gt;.mp3" in drawn


def test_a_timeline_shows_everything_at_its_time(tone: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "svg", lambda figure, _: figure)
    figure = timeline.timeline(data(tone), SEGMENTS, "a.mp3")
    spectrogram, music, _ = figure.axes
    (image,) = spectrogram.images
    assert image.get_extent()[:2] == [0, 9.5]
    assert image.origin == "lower"
    # a tone of 440 Hz lies just below the first mark
    band = int(np.argmax(image.get_array().mean(axis=1)))
    assert 0 < spectrogram.get_yticks()[0] - band < 4
    *shaded, curve = music.patches
    assert [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in shaded] == [(0, 4), (6, 9.5)]
    assert curve.get_data().edges.tolist() == [*range(10), 9.5]
    assert curve.get_data().values.tolist() == [0.9] * 10
    assert music.lines[0].get_ydata()[0] == 0.4
    figure.canvas.draw()
    for axes in figure.axes:
        place = axes.get_position()
        assert (place.x0, place.x1) == pytest.approx(TIMELINE_SPAN)
        assert axes.get_xlim() == (0, 9.5)
    plt.close(figure)


@pytest.mark.parametrize("name", ["a b.mp3", 'Über "uns" & #1 100%.mp3', "<script>.mp3", "K\udce4se {1}.mp3"])
def test_the_page_plays_the_file_itself_by_its_address(name: str, tone: np.ndarray, tmp_path: Path) -> None:
    figure, page = tmp_path / "results" / "detections" / "a.svg", tmp_path / "results" / "detections.html"
    figure.parent.mkdir(parents=True)
    figure.write_text(timeline.timeline(data(tone), SEGMENTS, formats.printable(name)))
    record = formats.record(answer(str(tmp_path / "in" / name)))
    section = recording_section(record, figure, page)
    address = section.partition("<audio")[2].partition('src="')[2].partition('"')[0]
    assert unquote_to_bytes(address) == os.fsencode(f"../in/{name}")
    assert 'src="detections/a.svg"' in section
    assert "<script>" not in section
    assert "music 0:08, speech 0:06 of 0:10" in section


def test_a_recording_that_could_not_be_read_is_its_outcome_and_reason(tmp_path: Path) -> None:
    record = formats.record(broken("a.mp3", "a <b> & c"))
    assert recording_section(record, tmp_path / "a.svg", tmp_path / "a.html") == "<p>corrupt: a &lt;b&gt; &amp; c.</p>"


def test_the_data_file_gives_back_the_data_and_has_the_same_bytes_each_time(tone: np.ndarray, tmp_path: Path) -> None:
    written = data(tone)
    for name in ("a.npz", "b.npz"):
        write_timeline_data(written, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    found = read_timeline_data(tmp_path / "a.npz")
    for name, values in vars(written).items():
        assert np.array_equal(getattr(found, name), values)
        assert getattr(found, name).dtype == values.dtype
    assert found.thresholds.tolist() == [0.4, 0.5]


def drawn(folder: Path, timeline_of: TimelineData, of: formats.Answer) -> str:
    write_json(formats.record(of), folder / "a.json")
    of.result.to_csv(folder / "a.csv")
    write_timeline_data(timeline_of, folder / "a.npz")
    draw_recording(folder / "a.json", folder / "a.csv", folder / "a.npz", folder / "a.svg")
    return (folder / "a.svg").read_text(encoding="utf-8")


def test_the_drawing_is_made_from_the_files_of_the_detection(tone: np.ndarray, tmp_path: Path) -> None:
    found = drawn(tmp_path, data(tone), answer("x/a.mp3"))
    assert found == timeline.timeline(data(tone), SEGMENTS, "a.mp3")


def test_the_drawing_of_a_recording_that_could_not_be_read_shows_the_reason(tmp_path: Path) -> None:
    assert "a.mp3 cannot be decoded" in drawn(
        tmp_path, no_timeline_data(), broken("x/a.mp3", "a.mp3 cannot be decoded")
    )
