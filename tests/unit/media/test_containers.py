"""Cuts, times and truncated files in many kinds of containers; ``benchmarks/containers.py`` measures longer files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from soundsift.errors import MediaError
from soundsift.media import decode
from soundsift.media.containers import decoded_frames
from soundsift.media.stream import samples_of
from tests.unit.media.kinds import KINDS, write_kind

RATE_HZ = 22050
N_SECONDS = 12
# Containers of every family: with an index, with coarse time stamps, and with times that FFmpeg estimates.
VARIED = [
    "WAV, 16 bits", "WAV, MS ADPCM", "WAV, IMA ADPCM", "AIFF", "CAF, ALAC", "FLAC", "WavPack", "MP3, constant",
    "MP3, variable", "MP3, no Xing header", "AAC, ADTS", "AC-3", "E-AC-3", "M4A", "M4A, begins 50 ms late",
    "M4A, ALAC, 50 ms late", "MP4, sound 1 s late", "AMR", "Ogg, Opus", "WebM, Opus", "MKV, AAC", "MPEG-TS, MP2",
    "AVI, MS ADPCM", "WMA", "FLV, AAC",
]  # fmt: skip


def lag_of(part: np.ndarray, whole: np.ndarray, first: int) -> int:
    """By how many samples a part is later in the whole than expected."""
    around = whole[first - 3000 : first + len(part) + 3000]
    match = np.correlate(around, part, mode="valid")
    assert match.max() > 0.3 * np.linalg.norm(part) ** 2
    return int(np.argmax(match)) - 3000


@pytest.mark.parametrize("name", VARIED)
def test_a_cut_holds_the_samples_of_a_decode_from_the_beginning(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"v.{KINDS[name].ending}"
    write_kind(KINDS[name], path, N_SECONDS)
    heard = np.concatenate(list(samples_of(path, RATE_HZ, 10 * RATE_HZ)))
    whole = np.array(decode.cut(path, 0.0, N_SECONDS - 1.0, RATE_HZ).get_array_of_samples()) / 32768
    for start in (2.0, 9.3):
        part = np.array(decode.cut(path, start, start + 0.2, RATE_HZ).get_array_of_samples()) / 32768
        first = round(start * RATE_HZ)
        # a cut begins with the first sample of the file if that is later than its start
        assert abs(lag_of(part, whole, first - (11 * RATE_HZ - len(whole)))) <= 1
        assert abs(lag_of(part, heard, first)) <= 1


def test_a_cut_is_sought_by_the_sound_and_not_by_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.mp4"
    kind = KINDS["MP4, AAC and picture"]
    write_kind(kind, path, 30)
    decoded = []

    def noted(*arguments: Any) -> Iterator[Any]:
        for frame in decoded_frames(*arguments):
            decoded.append(frame)
            yield frame

    monkeypatch.setattr(decode, "decoded_frames", noted)
    decode.cut(path, 19.0, 20.0, RATE_HZ)
    assert len(decoded) <= (1.0 + 2 * decode.PREROLL_SECONDS) * kind.rate_hz / 1024 + 3


def test_sound_keeps_its_place_after_time_stamps_that_begin_again(tmp_path: Path) -> None:
    write_kind(KINDS["MPEG-TS, MP2"], tmp_path / "part.ts", 4)
    (tmp_path / "two.ts").write_bytes((tmp_path / "part.ts").read_bytes() * 2)
    with av.open(str(tmp_path / "two.ts")) as container:
        n_samples = sum(frame.samples for frame in container.decode(audio=0))
    heard = np.concatenate(list(samples_of(tmp_path / "two.ts", RATE_HZ, RATE_HZ)))
    assert len(heard) == pytest.approx(n_samples / 2, abs=0.06 * RATE_HZ)


@pytest.mark.parametrize(
    "name",
    [
        "WAV, mu-law", "WAV, MS ADPCM", "RF64", "W64", "AIFF", "AU", "CAF, 16 bits", "WavPack", "MP3, constant",
        "Ogg, Opus", "Ogg, FLAC", "AVI, MP3", "WMA", "FLV, MP3", "WebM, Opus",
    ],
)  # fmt: skip
def test_half_a_file_says_why_it_is_short(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"v.{KINDS[name].ending}"
    write_kind(KINDS[name], path, 6)
    assert decode.cut(path, 3.0, 5.0, RATE_HZ).frame_count() == 2 * RATE_HZ
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert decode.cut(path, 0.5, 1.5, RATE_HZ).frame_count() == RATE_HZ
    why = r"v\.\w+ (says \d\.\d s and ends after [23]\.\d s|ends after [23]\.\d s, in the middle of a page)$"
    with pytest.raises(MediaError, match=why) as failed:
        decode.cut(path, 2.0, 5.0, RATE_HZ)
    assert failed.value.outcome == "corrupt"
    with pytest.raises(MediaError, match=why):
        list(samples_of(path, RATE_HZ, RATE_HZ))


@pytest.mark.parametrize("size", [0, 0x7FFFF024, 0xFFFFFFFF])
def test_a_wav_file_from_a_pipe_states_no_size(size: int, tmp_path: Path) -> None:
    write_kind(KINDS["WAV, 16 bits"], tmp_path / "v.wav", 2)
    data = bytearray((tmp_path / "v.wav").read_bytes())
    data[4:8] = size.to_bytes(4, "little")
    (tmp_path / "v.wav").write_bytes(data)
    assert decode.cut(tmp_path / "v.wav", 0.5, 3.5, RATE_HZ).frame_count() == 1.5 * RATE_HZ
    assert sum(map(len, samples_of(tmp_path / "v.wav", RATE_HZ, RATE_HZ))) == 2 * RATE_HZ
