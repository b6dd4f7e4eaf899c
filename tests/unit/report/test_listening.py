from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundsift.detectors.columns import PREDICTION_COLUMNS
from soundsift.media.encode import write_clip
from soundsift.report import listening
from soundsift.tables import write_parquet

PREDICTED = [("a", True, 0.1), ("b", True, 0.9), ("c", False, 0.8), ("d", False, 0.7), ("e", False, 0.0)]


def predictions(rows: list[tuple[str, bool, float]], split: str = "eval") -> pa.Table:
    columns = [[clip for clip, _, _ in rows], [split] * len(rows), [t for _, t, _ in rows], [p for *_, p in rows]]
    columns.append([p >= 0.5 for *_, p in rows])
    return pa.table(columns, schema=pa.schema([(c.name, c.type) for c in PREDICTION_COLUMNS]))


def test_the_worst_clips_of_the_eval_split_come_first() -> None:
    table = pa.concat_tables([predictions([("x", True, 0.0)], "train"), predictions(PREDICTED)])
    assert listening.worst(table, 3)["clip_id"].to_pylist() == ["a", "c", "d"]


def test_the_same_seed_draws_the_same_clips_of_each_side_and_another_seed_others() -> None:
    table = predictions([(f"v{i}", i % 3 == 0, 0.5) for i in range(300)])
    drawn, again, other = (listening.draw(table, seed) for seed in (0, 0, 1))
    assert [side["truth"].to_pylist() for side in drawn] == [[True] * 6, [False] * 6]
    assert drawn == again != other


def test_a_side_with_few_clips_is_drawn_whole() -> None:
    assert [side["clip_id"].to_pylist() for side in listening.draw(predictions(PREDICTED), 0)] == [
        ["a", "b"],
        ["c", "d", "e"],
    ]


def test_clips_are_described_with_sound_if_their_file_is_kept(tone: npt.NDArray[np.float32], tmp_path: Path) -> None:
    (tmp_path / "t-00001").mkdir()
    write_clip((tone * 32767).astype(np.int16), 22050, tmp_path / "t-00001" / "c.mp3")
    table = pa.table(
        {"clip_id": ["c", "a"], "batch": ["t-00001", "t-00000"], "labels": [["Engine", "Wind"], ["Music"]]}
    )
    write_parquet(table, tmp_path / "features.parquet")
    chosen = predictions([PREDICTED[0], PREDICTED[2]])
    rows = listening.describe(chosen, tmp_path / "features.parquet", tmp_path, "mp3").to_pylist()
    assert rows[0] == {
        "clip": "a", "sound": None, "labels": "Music", "present by its labels": True, "probability": 0.1,
        "detected": False, "split": "eval",
    }  # fmt: skip
    assert rows[1]["labels"] == "Engine, Wind"
    assert len(rows[1]["sound"]) > 1000
