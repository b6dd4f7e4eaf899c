"""Check that detectors can be trained on the clips that were obtained."""

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundsift.errors import TrainingError
from soundsift.metadata.truth_counts import lacking
from soundsift.tables import read_schema


def check_trainable(features: Path) -> None:
    """Refuse all detectors together that cannot be trained, before any of them is trained.

    Clips that will be held out of the training lists for evaluation count too.

    Parameters
    ----------
    features
        The merged features table.

    Raises
    ------
    TrainingError
        If fewer than two training clips have the class of a detector, or do not have it. All such detectors are named.
    """
    truths = [name for name in read_schema(features).names if name.startswith("is_")]
    clips = pq.read_table(features, columns=["split", *truths], partitioning=None)
    train = clips.filter(pc.not_equal(clips["split"], "eval"))
    if few := lacking(train, [name.removeprefix("is_") for name in truths], least=2):
        raise TrainingError(
            f"{few} cannot be trained: of the {train.num_rows} training clips that were obtained at least 2 must "
            "have the class and 2 must not: give a longer list, see results/coverage.parquet for "
            "clips that are missing, or set these detectors to null"
        )
