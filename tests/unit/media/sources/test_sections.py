from pathlib import Path

import av
import numpy as np
import pytest

from soundsift.demo import RATE_HZ, write_media
from soundsift.media.encode import encode
from soundsift.media.sources import sections
from soundsift.media.sources.sections import (
    HEAD_BYTES,
    MOST_BLOCKS,
    MOST_REQUESTS,
    NoSectionError,
    RemoteFile,
    copy_section,
    copy_section_of_pieces,
)
from soundsift.media.sources.ytdlp_client import _is_wanted_sound
from soundsift.media.sources.ytdlp_server import Server

SOUND = {"vcodec": "none", "format_note": "medium"}


def test_a_file_that_changes_between_two_ranges_gives_no_section(tmp_path: Path, rng: np.random.Generator) -> None:
    write_media(tmp_path / "a.m4a", rng.normal(size=20 * RATE_HZ) * 0.1, picture=False)
    data = (tmp_path / "a.m4a").read_bytes()

    def sent(sizes: list[int]) -> RemoteFile:
        left = iter(sizes)
        return RemoteFile(lambda first, last: (data[first : last + 1], next(left, len(data))), HEAD_BYTES)

    assert copy_section(sent([]), 10.0, 12.0, tmp_path / "section").path.is_file()
    with pytest.raises(ConnectionError, match="changed while it was read"):
        copy_section(sent([len(data), len(data) + 1]), 10.0, 12.0, tmp_path / "section")


class Remote:
    """A remote file that counts the requests and the bytes that are sent."""

    def __init__(self, path: Path) -> None:
        self.data, self.n_requests, self.n_bytes = path.read_bytes(), 0, 0

    def fetch(self, first: int, last: int) -> tuple[bytes, int]:
        found = self.data[first : last + 1]
        self.n_requests, self.n_bytes = self.n_requests + 1, self.n_bytes + len(found)
        return found, len(self.data)


@pytest.fixture(scope="module")
def without_index(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A minute of sound in containers without an index: MP4 in fragments of a second, and WebM as of a live stream."""
    folder = tmp_path_factory.mktemp("without_index")
    samples = (np.random.default_rng(0).normal(size=60 * 48_000) * 3000).astype(np.int16)
    kinds = {
        "mp4": ("aac", {"movflags": "frag_keyframe+delay_moov+default_base_moof", "frag_duration": "1000000"}),
        "webm": ("libopus", {"live": "1"}),
    }
    for name, (codec, options) in kinds.items():
        with av.open(str(folder / f"a.{name}"), "w", format=name, options=options) as file:
            encode(file, codec, {"b": "96k"}, samples, 48_000)
    return {name: folder / f"a.{name}" for name in kinds}


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_a_file_without_an_index_is_not_read_from_its_start(
    kind: str, without_index: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "INDEX_BYTES", 100_000)
    block_bytes = 6000
    remote = Remote(without_index[kind])
    with pytest.raises(NoSectionError, match="requests and .* MB") as error:
        copy_section(RemoteFile(remote.fetch, block_bytes), 50.0, 50.5, tmp_path / "section")
    assert error.value.size_bytes == len(remote.data)
    assert remote.n_requests <= MOST_REQUESTS
    assert remote.n_bytes <= MOST_BLOCKS * block_bytes + 100_000


def test_a_long_index_is_read_in_growing_blocks(tmp_path: Path, rng: np.random.Generator) -> None:
    (tmp_path / "a").write_bytes(bytes(4_000_000))
    remote = Remote(tmp_path / "a")
    file = RemoteFile(remote.fetch, 10_000)
    while file.tell() < 3_000_000:
        assert file.read(50_000)
    assert remote.n_requests < 15


PLAYLIST = "#EXTM3U\n" + "".join(f"#EXTINF:{{seconds}},\npiece{n}.ts\n" for n in range(200)) + "#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(("piece_seconds", "piece_bytes"), [(0.2, 100), (5.0, 30_000)])
def test_pieces_are_fetched_up_to_a_number_and_a_size(piece_seconds: float, piece_bytes: int, tmp_path: Path) -> None:
    n_bytes = 0

    def fetch(_: str, most: int) -> bytes:
        nonlocal n_bytes
        n_bytes += min(piece_bytes, most + 1)
        if piece_bytes > most:
            raise NoSectionError("it is too large for a section")
        return bytes(piece_bytes)

    text = PLAYLIST.format(seconds=piece_seconds)
    with pytest.raises(NoSectionError, match=r"it is too large|has \d+ pieces"):
        copy_section_of_pieces(text, "https://site/a.m3u8", fetch, 50_000, 20.0, 30.0, tmp_path / "section")
    assert n_bytes <= 50_001


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"language": "en", "language_preference": 10}, True),
        ({"language": "en", "language_preference": 5}, False),
        ({"language": "de", "language_preference": -1}, False),
        ({"has_drm": True}, False),
        ({"vcodec": "avc1"}, False),
        ({"format_note": "medium, MISSING POT"}, False),
    ],
)
def test_a_dub_does_not_make_the_playlist_with_the_original_needless(changes: dict, expected: bool) -> None:
    assert _is_wanted_sound(SOUND | changes) is expected


@pytest.mark.parametrize(("options", "is_skipped"), [({}, True), ({"format": "234/233"}, False)])
def test_a_format_of_the_user_may_be_in_a_playlist(options: dict, is_skipped: bool) -> None:
    youtube = Server(options)._ydl.get_info_extractor("Youtube")
    assert ("_extract_m3u8_formats_and_subtitles" in vars(youtube)) is is_skipped
