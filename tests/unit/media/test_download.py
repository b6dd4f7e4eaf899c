import errno
import os
from pathlib import Path

import numpy as np
import pytest

from soundsift.demo import RATE_HZ, write_media
from soundsift.media import decode, encode
from soundsift.media.archive import Archive
from soundsift.media.archive_check import check
from soundsift.media.sources.base import fill_template
from tests.site.downloads import clip, fetch, fill


def test_local_media_of_any_container_are_found_and_not_copied(tmp_path: Path) -> None:
    clips = [clip(1), clip(2)]
    fill(tmp_path, clips[:1], "webm")
    rows = fetch(clips, f"file://{tmp_path}/{{video_id}}.*", tmp_path / "archive")
    assert [row["outcome"] for row in rows.values()] == ["ok", "not_found"]
    kept = tmp_path / "archive" / rows[clips[0].clip_id]["media"]
    assert kept.samefile(tmp_path / f"{clips[0].video_id}.webm")


def test_local_media_on_another_file_system_are_read_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    one = clip(1)
    fill(tmp_path, [one])
    url, root = f"file://{tmp_path}/{{video_id}}.*", tmp_path / "archive"
    monkeypatch.setattr(os, "link", refuse)
    row = fetch([one], url, root)[one.clip_id]
    assert (row["outcome"], Path(row["media"]).is_absolute()) == ("ok", False)
    assert (root / row["media"]).samefile(tmp_path / f"{one.video_id}.m4a")
    assert [path.suffix for path in root.rglob("-video*")] == [".json"]
    assert fetch([one], url, root)[one.clip_id] == row
    assert check(Archive(root)) == (1, [])


def test_local_media_are_copied_where_the_originals_will_go(tmp_path: Path) -> None:
    one = clip(1)
    fill(tmp_path, [one])
    url, root, original = f"file://{tmp_path}/{{video_id}}.*", tmp_path / "archive", tmp_path / f"{one.video_id}.m4a"
    linked = fetch([one], url, root)[one.clip_id]
    assert (root / linked["media"]).samefile(original)
    copied = fetch([one], url, root, link=False)[one.clip_id]
    assert copied == linked
    assert not (root / copied["media"]).samefile(original)
    stamp = (root / copied["media"]).with_suffix(".json").stat().st_mtime_ns
    original.write_bytes(b"")
    original.unlink()
    assert fetch([one], url, root, link=False)[one.clip_id] == linked
    assert (root / copied["media"]).with_suffix(".json").stat().st_mtime_ns == stamp
    assert check(Archive(root)) == (1, [])


def test_a_linked_file_that_was_written_over_is_taken_anew(tmp_path: Path) -> None:
    one = clip(1)
    fill(tmp_path, [one])
    url = f"file://{tmp_path}/{{video_id}}.*"
    first = fetch([one], url, tmp_path / "archive")[one.clip_id]
    with open(tmp_path / f"{one.video_id}.m4a", "r+b") as file:
        file.seek(-1, 2)
        file.write(b"!")
    again = fetch([one], url, tmp_path / "archive")[one.clip_id]
    assert again["sha256"] != first["sha256"]
    assert check(Archive(tmp_path / "archive")) == (1, [])


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("Y{video_id}.wav", "Y{video_id}.wav"),  # the form of PANNs
        ("{video_id}.flac", "{video_id}.flac"),
        ("{video_id}_{start_ms}.wav", "{video_id}_{start_ms}.*"),
        ("{video_id}_{start_seconds}_{end_seconds}.flac", "{video_id}_{start_seconds}_{end_seconds}.*"),
    ],
)
@pytest.mark.parametrize("folder", ["balanced train", "[10 s] 100%"])
def test_copies_of_audioset_that_circulate_work_by_template(
    name: str, template: str, folder: str, tmp_path: Path
) -> None:
    one = clip(1, start=30.0)
    samples = np.arange(4 * RATE_HZ, dtype=np.int16)
    (tmp_path / folder).mkdir()
    encode.write_clip(samples, RATE_HZ, tmp_path / folder / fill_template(name, one))
    url = f"file://{tmp_path}/{folder}/{template}"
    row = fetch([one], url, tmp_path / "archive", {"trimmed": True})[one.clip_id]
    assert (row["outcome"], row["media_start_seconds"]) == ("ok", 30.0)
    cut = decode.cut(tmp_path / "archive" / row["media"], 0.0, 4.0, RATE_HZ)
    assert np.array_equal(cut.get_array_of_samples(), samples)


def test_pictures_and_texts_beside_the_media_are_no_media(tmp_path: Path) -> None:
    one = clip(1)
    fill(tmp_path, [one], "webm")
    for ending in ("description", "jpg", "info.json", "m4a.part", "vtt", "en.srt", "webm.ytdl"):
        (tmp_path / f"{one.video_id}.{ending}").write_text("about the video")
    row = fetch([one], f"file://{tmp_path}/{{video_id}}.*", tmp_path / "archive")[one.clip_id]
    assert row["media"].endswith(".webm")


def test_a_local_file_that_changed_or_came_back_is_taken_anew(tmp_path: Path) -> None:
    one = clip(1)
    url = f"file://{tmp_path}/{{video_id}}.*"
    assert fetch([one], url, tmp_path / "archive")[one.clip_id]["outcome"] == "not_found"
    fill(tmp_path, [one])
    first = fetch([one], url, tmp_path / "archive")[one.clip_id]
    (tmp_path / f"{one.video_id}.m4a").unlink()
    assert fetch([one], url, tmp_path / "archive")[one.clip_id] == first, "the archive keeps what is gone elsewhere"
    fill(tmp_path, [one], "mp4")
    assert fetch([one], url, tmp_path / "archive")[one.clip_id]["sha256"] != first["sha256"]


def test_trimmed_media_begin_where_the_label_does(tmp_path: Path) -> None:
    one = clip(1, start=30.0)
    rng = np.random.default_rng(0)
    write_media(tmp_path / f"{one.clip_id}.m4a", rng.normal(size=4 * RATE_HZ) * 0.1, picture=False)
    row = fetch([one], f"file://{tmp_path}/{{clip_id}}.m4a", tmp_path / "archive", {"trimmed": True})[one.clip_id]
    assert (row["outcome"], row["media_start_seconds"]) == ("ok", 30.0)


def test_local_media_that_turn_out_to_be_trimmed_are_taken_anew(tmp_path: Path) -> None:
    one = clip(1)
    fill(tmp_path, [one])
    url = f"file://{tmp_path}/{{video_id}}.*"
    starts = [
        fetch([one], url, tmp_path / "archive", {"trimmed": trimmed})[one.clip_id]["media_start_seconds"]
        for trimmed in (False, True, False)
    ]
    assert starts == [0.0, 4.0, 0.0]


def test_a_folder_in_the_place_of_a_medium_is_no_medium(tmp_path: Path) -> None:
    one, other = clip(1), clip(2)
    (tmp_path / f"{one.video_id}.m4a").mkdir()
    fill(tmp_path, [other])
    rows = fetch([one, other], f"file://{tmp_path}/{{video_id}}.*", tmp_path / "archive")
    assert [row["outcome"] for row in rows.values()] == ["not_found", "ok"]
