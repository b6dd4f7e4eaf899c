import io
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from soundsift.demo import RATE_HZ, write_media
from soundsift.media import decode
from soundsift.media.sources.sections import NoSectionError, RemoteFile, copy_section, copy_section_of_pieces

PLAYLIST = "#EXTM3U\n{}#EXTINF:4.0,\na.ts\n#EXTINF:4.0,\nb.ts\n#EXTINF:4.0,\nc.ts\n#EXTINF:4.0,\nd.ts\n{}"


def ranges_of(data: bytes, asked: list[tuple[int, int]]) -> Callable[[int, int], tuple[bytes, int]]:
    def fetch(first: int, last: int) -> tuple[bytes, int]:
        asked.append((first, last))
        return data[first : last + 1], len(data)

    return fetch


def test_a_remote_file_reads_as_the_file_does(rng: np.random.Generator) -> None:
    data = rng.bytes(300_000)
    remote, local = RemoteFile(ranges_of(data, []), 7000), io.BytesIO(data)
    for position, n in rng.integers(0, 310_000, size=(200, 2)):
        assert remote.seek(position) == local.seek(position)
        expected, got = local.read(int(n)), b""
        while len(got) < len(expected):
            piece = remote.read(int(n) - len(got))
            assert piece
            got += piece
        assert got == expected
        assert remote.tell() == min(local.tell(), max(position, len(data)) if not n else local.tell())
    assert remote.seek(0, io.SEEK_END) == len(data)
    assert remote.read(10) == b""


def test_bytes_that_are_there_are_not_requested_again(rng: np.random.Generator) -> None:
    asked: list[tuple[int, int]] = []
    remote = RemoteFile(ranges_of(rng.bytes(1_000_000), asked), 50_000)
    for position in (500_000, 549_999, 0, 500_001, 10):
        remote.seek(position)
        remote.read(1)
    assert asked[1:] == [(500_000, 549_999)]


@pytest.mark.parametrize("ending", ["webm", "m4a"])
def test_an_error_of_the_transfer_is_not_taken_for_the_end_of_the_file(
    ending: str, rng: np.random.Generator, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{ending}"
    write_media(path, rng.normal(size=60 * RATE_HZ) * 0.1, picture=False)
    data = path.read_bytes()

    def fetch(first: int, last: int) -> tuple[bytes, int]:
        if first > len(data) // 2:
            raise TimeoutError("too slow")
        return data[first : last + 1], len(data)

    with pytest.raises(TimeoutError, match="too slow"):
        copy_section(RemoteFile(fetch, 50_000), 25.0, 50.0, tmp_path / "section")


@pytest.mark.parametrize("content", [b"", b"<!doctype html><title>Not here</title>", bytes(100_000)])
def test_what_is_no_media_has_no_section(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(NoSectionError):
        copy_section(RemoteFile(ranges_of(content, []), 50_000), 3.0, 4.0, tmp_path / "section")


@pytest.mark.parametrize("ending", ["m4a", "mp4", "webm"])
@pytest.mark.parametrize("start", [0.0, 0.7, 5.0, 17.3])
def test_a_section_holds_what_the_file_holds_there(ending: str, start: float, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    write_media(path, np.random.default_rng(0).normal(size=30 * RATE_HZ) * 0.1, picture=ending == "mp4")
    found = copy_section(
        RemoteFile(ranges_of(path.read_bytes(), []), 50_000), max(0.0, start - 1), start + 3, tmp_path / "section"
    )
    expected = np.array(decode.cut(path, start, start + 2, RATE_HZ).get_array_of_samples(), dtype=float)
    begin = start - found.begins_seconds
    got = np.array(decode.cut(found.path, begin, begin + 2, RATE_HZ).get_array_of_samples(), dtype=float)
    n = len(expected)
    match = np.correlate(np.pad(got, 100), expected[:n])
    # a sample of the media lasts 0.04 ms; WebM counts milliseconds
    assert abs(int(np.argmax(match)) - 100) <= (0.002 * RATE_HZ if ending == "webm" else 0)


def test_a_file_without_sound_has_no_section(tmp_path: Path) -> None:
    write_media(tmp_path / "a.mp4", None, picture=True)
    with pytest.raises(NoSectionError, match="no sound stream"):
        copy_section(RemoteFile(ranges_of((tmp_path / "a.mp4").read_bytes(), []), 50_000), 0.0, 1.0, tmp_path / "b")


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        ('#EXT-X-KEY:METHOD=AES-128,URI="key"\n', "#EXT-X-ENDLIST\n"),
        ("#EXT-X-DISCONTINUITY\n", "#EXT-X-ENDLIST\n"),
        ("#EXT-X-BYTERANGE:100@0\n", "#EXT-X-ENDLIST\n"),
        ("", ""),
    ],
)
def test_a_playlist_whose_pieces_cannot_be_placed_has_no_section(head: str, tail: str, tmp_path: Path) -> None:
    with pytest.raises(NoSectionError, match="the playlist is encrypted, has gaps or does not end"):
        copy_section_of_pieces(PLAYLIST.format(head, tail), "https://a/b.m3u8", lambda _: b"", 1, 2, tmp_path / "c")


def test_the_first_piece_and_those_of_the_section_are_requested(tmp_path: Path) -> None:
    asked = []

    def fetch(address: str) -> bytes:
        asked.append(address)
        return b""

    playlist = PLAYLIST.format('#EXT-X-KEY:METHOD=NONE\n#EXT-X-MAP:URI="head.mp4"\n', "#EXT-X-ENDLIST\n")
    with pytest.raises(NoSectionError):
        copy_section_of_pieces(playlist, "https://a/b/c.m3u8", fetch, 9.5, 10.5, tmp_path / "section")
    assert asked == [f"https://a/b/{name}" for name in ("head.mp4", "a.ts", "c.ts")]


def test_pieces_without_time_stamps_have_no_section(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.aac"), "w", format="adts") as file:
        stream = file.add_stream("aac", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    data = (tmp_path / "a.aac").read_bytes() * 20
    playlist = PLAYLIST.format("", "#EXT-X-ENDLIST\n")
    with pytest.raises(NoSectionError, match="no time stamps"):
        copy_section_of_pieces(playlist, "https://a/b.m3u8", lambda _: data, 9.5, 10.5, tmp_path / "section")
