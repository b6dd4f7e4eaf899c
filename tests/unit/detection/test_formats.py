from pathlib import Path

import pyarrow as pa

from soundsift.detection import formats
from soundsift.detection.columns import SEGMENT_COLUMNS
from soundsift.detection.overview import overview
from soundsift.tables import schema_of

SEGMENTS = pa.Table.from_pylist(
    [
        {"start_seconds": 0.0, "end_seconds": 4.0, "detector": "music", "probability": 0.9},
        {"start_seconds": 6.0, "end_seconds": 9.5, "detector": "music", "probability": 0.8},
        {"start_seconds": 3.0, "end_seconds": 9.5, "detector": "speech", "probability": 0.7},
    ],
    schema=schema_of(SEGMENT_COLUMNS),
)


def test_a_label_track_is_in_order_of_time() -> None:
    assert formats.label_track(SEGMENTS).splitlines() == [
        "0.000\t4.000\tmusic", "3.000\t9.500\tspeech", "6.000\t9.500\tmusic"
    ]  # fmt: skip


def test_seconds_are_counted_by_detector_and_a_broken_recording_is_a_row_too() -> None:
    nothing = SEGMENTS.slice(0, 0)
    records = [
        formats.record(Path("x/a.mp3"), "ok", "", 9.5, SEGMENTS, ["music", "speech"]),
        formats.record(Path("x/b.mp3"), "corrupt", "b.mp3 cannot be decoded", None, nothing, ["music", "speech"]),
    ]
    assert overview(records).to_pylist() == [
        {
            "recording": "x/a.mp3", "outcome": "ok", "reason": "", "duration_seconds": 9.5,
            "music_seconds": 7.5, "speech_seconds": 6.5,
        },
        {
            "recording": "x/b.mp3", "outcome": "corrupt", "reason": "b.mp3 cannot be decoded",
            "duration_seconds": None, "music_seconds": None, "speech_seconds": None,
        },
    ]  # fmt: skip


def test_bytes_that_are_not_text_are_replaced_in_the_record() -> None:
    reason = "K\udce4se.wav cannot be decoded"
    record = formats.record(Path("K\udce4se.wav"), "corrupt", reason, None, SEGMENTS.slice(0, 0), ["music"])
    assert record["reason"] == "K\ufffdse.wav cannot be decoded"
    assert record["recording"] == "K\ufffdse.wav"
    assert record["path"] == "K%E4se.wav"
