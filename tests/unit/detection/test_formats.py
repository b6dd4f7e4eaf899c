import csv
import io
import json
from pathlib import Path

from soundsift.detection.formats import FORMATS, Answer, record
from soundsift.detection.overview import overview
from soundsift.detection.result import Detections
from soundsift.detection.segments import Segment

SEGMENTS = (
    Segment(0.0, 4.0, "music", 0.9),
    Segment(6.0, 9.5, "music", 0.8),
    Segment(3.0, 9.5, "speech", 0.7),
)
IN_ORDER = [(0.0, 4.0, "music"), (3.0, 9.5, "speech"), (6.0, 9.5, "music")]


def answer(recording: str = "x/a b.mp3", result: Detections | None = None) -> Answer:
    return Answer(
        Path(recording), Detections(9.5, {}, SEGMENTS) if result is None else result, ["music", "speech"], 22050
    )


def broken(recording: str, reason: str) -> Answer:
    return answer(recording, Detections(0.0, {}, (), "corrupt", reason))


def text(name: str, of: Answer) -> str:
    return FORMATS[name].text(of)


def test_csv_has_the_segments_by_detector() -> None:
    rows = list(csv.DictReader(io.StringIO(text("csv", answer()))))
    assert [tuple(float(row[name]) for name in ("start_seconds", "end_seconds", "probability")) for row in rows] == [
        (start, end, probability) for start, end, _, probability in SEGMENTS
    ]
    assert [row["detector"] for row in rows] == ["music", "music", "speech"]


def test_an_audacity_label_track_has_start_end_and_label_in_order_of_time() -> None:
    rows = [line.split("\t") for line in text("audacity", answer()).splitlines()]
    assert [(float(start), float(end), label) for start, end, label in rows] == IN_ORDER


def test_rttm_has_its_ten_fields() -> None:
    lines = [line.split(" ") for line in text("rttm", answer()).splitlines()]
    assert {len(fields) for fields in lines} == {10}
    assert [(float(f[3]), float(f[3]) + float(f[4]), f[7]) for f in lines] == IN_ORDER
    assert {(f[0], f[1], f[2], f[5], f[6], f[8], f[9]) for f in lines} == {
        ("SPEAKER", "a_b", "1", "<NA>", "<NA>", "<NA>", "<NA>")
    }


def test_a_raven_selection_table_has_the_columns_that_raven_reads() -> None:
    rows = list(csv.DictReader(io.StringIO(text("raven", answer())), delimiter="\t"))
    assert [(float(row["Begin Time (s)"]), float(row["End Time (s)"]), row["Detector"]) for row in rows] == IN_ORDER
    assert [row["Selection"] for row in rows] == ["1", "2", "3"]
    assert {(row["View"], row["Channel"], row["Low Freq (Hz)"], row["High Freq (Hz)"]) for row in rows} == {
        ("Spectrogram 1", "1", "0", "11025")
    }
    assert [float(row["Probability"]) for row in rows] == [0.9, 0.7, 0.8]


def test_json_has_the_outcome_and_the_segments() -> None:
    found = json.loads(text("json", answer()))
    assert (found["outcome"], found["duration_seconds"]) == ("ok", 9.5)
    assert found["segments"] == [segment._asdict() for segment in SEGMENTS]


def test_a_recording_without_segments_is_an_empty_table() -> None:
    found = {name: text(name, broken("b.mp3", "cannot be decoded")) for name in FORMATS}
    assert found["csv"] == '"start_seconds","end_seconds","detector","probability"\n'
    assert found["raven"].count("\n") == 1
    assert (found["audacity"], found["rttm"]) == ("", "")
    assert json.loads(found["json"])["reason"] == "cannot be decoded"


def test_seconds_are_counted_by_detector_and_a_broken_recording_is_a_row_too() -> None:
    records = [
        {"name": "a", **record(answer("x/a.mp3"))},
        {"name": "b", **record(broken("x/b.mp3", "b.mp3 cannot be decoded"))},
    ]
    assert overview(records).to_pylist() == [
        {
            "recording": "x/a.mp3", "outcome": "ok", "reason": "", "duration_seconds": 9.5,
            "music_seconds": 7.5, "speech_seconds": 6.5, "name": "a",
        },
        {
            "recording": "x/b.mp3", "outcome": "corrupt", "reason": "b.mp3 cannot be decoded",
            "duration_seconds": None, "music_seconds": None, "speech_seconds": None, "name": "b",
        },
    ]  # fmt: skip


def test_bytes_that_are_not_text_are_replaced_in_the_record() -> None:
    found = record(broken("K\udce4se.wav", "K\udce4se.wav cannot be decoded"))
    assert found["reason"] == "K\ufffdse.wav cannot be decoded"
    assert found["recording"] == "K\ufffdse.wav"
    assert found["path"] == "K%E4se.wav"
    assert "\udce4" not in text("rttm", answer("K\udce4se.wav"))
