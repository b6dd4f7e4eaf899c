"""Clips to check by ear: the largest errors of a detector, and a random sample of the labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.report.sound import sound_for_page

N_WORST = 20
N_PER_SIDE = 6


def worst(predictions: pa.Table, n: int = N_WORST) -> pa.Table:
    """Choose the eval clips whose probability is furthest from their label, furthest first.

    Parameters
    ----------
    predictions
        Table with the columns of :data:`soundsift.detectors.columns.PREDICTION_COLUMNS`. The result has them too.
    """
    evaluated = predictions.filter(pc.equal(predictions["split"], "eval"))
    error = np.abs(evaluated["truth"].to_numpy().astype(float) - evaluated["probability"].to_numpy())
    return evaluated.take(np.argsort(-error, kind="stable")[:n])


def draw(predictions: pa.Table, seed: int, n: int = N_PER_SIDE) -> list[pa.Table]:
    """Draw at random up to ``n`` clips with the class and ``n`` without it.

    Returns
    -------
    Two tables, with the class and without it. The rows keep their order.
    """
    rng = np.random.default_rng(seed)
    truth = predictions["truth"].to_numpy()
    sides = (np.flatnonzero(truth == wanted) for wanted in (True, False))
    return [predictions.take(np.sort(rng.permutation(side)[:n])) for side in sides]


def describe(chosen: pa.Table, features: Path, clips_dir: Path, clip_format: str) -> pa.Table:
    """List clips with their sound (null if the clip file is not kept), their labels and the detector's answer.

    Parameters
    ----------
    chosen
        Rows of a detector's predictions.
    features
        The merged features table, which has the batch and the labels of each clip.
    """
    clips = pq.read_table(features, columns=["clip_id", "batch", "labels"], partitioning=None)
    clips = clips.take(pc.index_in(chosen["clip_id"], clips["clip_id"].combine_chunks()))
    rows: list[dict[str, Any]] = []
    for prediction, clip in zip(chosen.to_pylist(), clips.to_pylist(), strict=True):
        path = clips_dir / clip["batch"] / f"{prediction['clip_id']}.{clip_format}"
        rows.append(
            {
                "clip": prediction["clip_id"],
                "sound": sound_for_page(path) if path.is_file() else None,
                "labels": ", ".join(clip["labels"]),
                "present by its labels": prediction["truth"],
                "probability": round(prediction["probability"], 3),
                "detected": prediction["predicted"],
                "split": prediction["split"],
            }
        )
    return pa.Table.from_pylist(rows)
