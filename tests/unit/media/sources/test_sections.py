from pathlib import Path

import numpy as np
import pytest

from soundsift.demo import RATE_HZ, write_media
from soundsift.media.sources.sections import HEAD_BYTES, RemoteFile, copy_section
from soundsift.media.sources.ytdlp_server import Server, _is_wanted_sound

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


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"language": "en", "language_preference": 10}, True),
        ({"language": "en", "language_preference": 5}, True),
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
