import csv
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pytest

from soundsift import demo
from soundsift.errors import MediaError
from soundsift.files import sha256_of
from soundsift.media import columns, decode, levels
from soundsift.metadata import selection
from soundsift.metadata.classes import Classes, detector_members, read_classes
from soundsift.metadata.lists import read_segments
from soundsift.metadata.ontology import read_ontology

N_TRAIN, N_EVAL = 5, 4


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    demo.make_demo(folder, N_TRAIN, N_EVAL, 1)
    return folder


def known(folder: Path) -> Classes:
    ontology = read_ontology(folder / "ontology.json")
    return read_classes(folder / "class_labels_indices.csv", ontology, folder / "qa_true_counts.csv", 0.8, True)


def rows(folder: Path, name: str) -> list[dict[str, object]]:
    found = read_segments(folder / f"{name}_segments.csv", known(folder))
    columns = {key: getattr(found, key) for key in ("video_id", "start_seconds", "end_seconds")}
    return pa.table(columns).to_pylist()


def held(folder: Path, video_id: object) -> list[Path]:
    return [path for path in (folder / "media").iterdir() if path.stem == video_id]


def test_the_lists_are_read_like_those_of_audioset(made: Path) -> None:
    for name, n in (("train", N_TRAIN), ("eval", N_EVAL)):
        found = rows(made, name)
        assert len(found) == n
        assert all(len(str(row["video_id"])) == 11 for row in found)
        assert all(row["end_seconds"] - row["start_seconds"] == 10 for row in found)
    assert len({row["video_id"] for name in ("train", "eval") for row in rows(made, name)}) == N_TRAIN + N_EVAL


def test_every_row_is_selected_or_excluded_with_the_tables_of_the_demo(made: Path) -> None:
    classes, ontology = known(made), read_ontology(made / "ontology.json")
    assert classes.ids == list(demo.CLASSES)
    assert ontology.children["/m/09x0r"] == ["/m/05zppz", "/m/02zsn"]
    members = detector_members({"music": {"classes": ["Music"]}, "speech": {"classes": ["Speech"]}}, classes, ontology)
    lists = {name: read_segments(made / f"{name}_segments.csv", classes) for name in ("train", "eval")}
    clips, excluded = selection.select_clips(lists, classes, members, 100)
    assert clips.num_rows
    assert clips.num_rows + excluded.num_rows == N_TRAIN + N_EVAL


def test_every_row_but_the_fourth_has_one_media_file(made: Path) -> None:
    for name in ("train", "eval"):
        found = [len(held(made, row["video_id"])) for row in rows(made, name)]
        assert found == [0 if number == 3 else 1 for number in range(len(found))]


def test_the_media_hold_the_labelled_segment_and_it_is_not_silent(made: Path) -> None:
    row = rows(made, "train")[0]
    clip = decode.cut(held(made, row["video_id"])[0], row["start_seconds"], row["end_seconds"], 22050)
    assert levels.duration_seconds(clip) == pytest.approx(10, abs=0.01)
    assert levels.peak_dbfs(clip) > columns.SILENCE_DBFS


def test_the_demo_is_reproducible(made: Path, tmp_path: Path) -> None:
    demo.make_demo(tmp_path, 1, 0, 1)
    row = rows(tmp_path, "train")[0]
    assert row == rows(made, "train")[0]
    again, before = held(tmp_path, row["video_id"]), held(made, row["video_id"])
    assert [path.name for path in again] == [path.name for path in before]
    assert sha256_of(again[0]) == sha256_of(before[0])
    for name in ("class_labels_indices.csv", "qa_true_counts.csv", "ontology.json"):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


@pytest.mark.parametrize("suffix", [".m4a", ".mp4", ".webm"])
def test_media_files_of_every_kind_are_reproducible(suffix: str, tmp_path: Path) -> None:
    samples = demo.sound("engine", np.random.default_rng(1), 0.5)
    for name in ("one", "other"):
        demo.write_media(tmp_path / f"{name}{suffix}", samples, picture=suffix == ".mp4")
    assert sha256_of(tmp_path / f"one{suffix}") == sha256_of(tmp_path / f"other{suffix}")


def test_faulty_media_have_their_own_outcomes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    demo._write_mute(tmp_path / "mute", rng, "wind", 2)
    demo._write_page(tmp_path / "page", rng, "wind", 2)
    for name, outcome in (("mute.mp4", "no_audio"), ("page.m4a", "corrupt")):
        with pytest.raises(MediaError) as refused:
            decode.cut(tmp_path / name, 2, 12, 8000)
        assert refused.value.outcome == outcome
    with av.open(str(tmp_path / "mute.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]


@pytest.mark.parametrize("kind", ["music", "speech", "both", "wind", "engine", "bird", "noise"])
def test_every_sound_has_the_requested_length_and_is_within_full_scale(kind: str) -> None:
    one, again = (demo.sound(kind, np.random.default_rng(2), 1.5) for _ in range(2))
    assert one.shape == (1.5 * demo.RATE_HZ,)
    assert 0.05 < np.abs(one).max() <= 0.9
    assert (one == again).all()


def test_clips_are_labelled_only_with_classes_of_the_tables(made: Path) -> None:
    with open(made / "class_labels_indices.csv", newline="", encoding="utf-8") as file:
        known = {row["mid"] for row in csv.DictReader(file)}
    drawn = {label for seed in range(200) for label in demo._draw_labels(np.random.default_rng(seed))[0]}
    assert drawn <= known
    assert len(drawn) > 8
