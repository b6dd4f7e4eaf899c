from pathlib import Path

import numpy as np

from soundsift.demo import RATE_HZ, write_media
from tests.site.downloads import clip, fetch, fill


def test_local_media_of_any_container_are_found_and_not_copied(tmp_path: Path) -> None:
    clips = [clip(1), clip(2)]
    fill(tmp_path, clips[:1], "webm")
    rows = fetch(clips, f"file://{tmp_path}/{{video_id}}.*", tmp_path / "archive")
    assert [row["outcome"] for row in rows.values()] == ["ok", "not_found"]
    kept = tmp_path / "archive" / rows[clips[0].clip_id]["media"]
    assert kept.samefile(tmp_path / f"{clips[0].video_id}.webm")


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


def test_every_field_of_an_address_is_filled() -> None:
    template = "http://x/{video_id}/{clip_id}/{start_seconds}-{end_seconds}/{start_ms}-{end_ms}"
    assert clip(1, 4.5).url(template) == "http://x/-video00001/-video00001_4500/4.5-8.5/4500-8500"
