import json
import tarfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from soundsift.errors import InputError
from soundsift.media import export
from soundsift.media.export import export_clips


@pytest.fixture
def clips(tmp_path: Path) -> pa.Table:
    """Seven clips in two batches; the file of one is missing."""
    table = pa.table(
        {
            "clip_id": [f"video{i}_0" for i in range(7)], "video_id": [f"video{i}" for i in range(7)],
            "start_seconds": [0.0] * 7, "end_seconds": [10.0] * 7, "split": ["train"] * 5 + ["eval"] * 2,
            "batch": ["train-00000"] * 5 + ["eval-00000"] * 2, "labels": [["Dog", "Child speech, kid speaking"]] * 7,
            "label_ids": [["/m/dog", "/m/child"]] * 7, "is_dog": pa.array([True, None, False] * 2 + [True]),
        }
    )  # fmt: skip
    for row in table.to_pylist():
        if row["clip_id"] != "video2_0":
            (tmp_path / row["batch"]).mkdir(exist_ok=True)
            (tmp_path / row["batch"] / f"{row['clip_id']}.mp3").write_bytes(row["clip_id"].encode() * 9)
    return table


def test_every_form_of_the_export_has_each_clip_once_with_its_sound(
    clips: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "SHARD_CLIPS", 3)
    monkeypatch.setattr(export, "GROUP_CLIPS", 2)
    out = tmp_path / "export"
    out.mkdir()
    assert export_clips(clips, [tmp_path / "train-00000", tmp_path / "eval-00000"], "mp3", out) == 6
    expected = {row["clip_id"]: row for row in clips.to_pylist() if row["clip_id"] != "video2_0"}
    parts = sorted((out / "huggingface" / "data").iterdir())
    assert [path.name for path in parts] == ["eval-00000.parquet", "train-00000.parquet", "train-00001.parquet"]
    rows = [row for path in parts for row in pq.read_table(path).to_pylist()]
    assert len(rows) == 6
    for row in rows:
        wanted = expected[row["clip_id"]]
        assert row["audio"] == {"bytes": row["clip_id"].encode() * 9, "path": f"{row['clip_id']}.mp3"}
        assert {name: row[name] for name in row if name != "audio"} == {n: v for n, v in wanted.items() if n != "batch"}
    types = json.loads(pq.read_schema(parts[0]).metadata[b"huggingface"])["info"]["features"]
    assert types["audio"] == {"_type": "Audio"}
    assert types["labels"] == {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}
    members = {}
    for path in (out / "webdataset").iterdir():
        with tarfile.open(path) as tar:
            members |= {member.name: tar.extractfile(member).read() for member in tar}
    assert len(members) == 12
    for clip_id, wanted in expected.items():
        assert members[f"{clip_id}.mp3"] == clip_id.encode() * 9
        assert json.loads(members[f"{clip_id}.json"])["labels"] == wanted["labels"]
    listed = pd.read_csv(out / "clips.csv")
    assert listed["path"].tolist()[-1] == "../clips/eval-00000/video6_0.mp3"
    assert json.loads(listed["labels"][0]) == ["Dog", "Child speech, kid speaking"]


def test_the_same_clips_give_the_same_bytes(clips: pa.Table, tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        export_clips(clips, [tmp_path / "train-00000"], "mp3", tmp_path / name)
        paths = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        found.append([path.read_bytes() for path in paths])
    assert found[0] == found[1]


def test_without_a_single_clip_there_is_no_export(clips: pa.Table, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no clip has a file: run the workflow first"):
        export_clips(clips, [], "mp3", tmp_path / "export")
