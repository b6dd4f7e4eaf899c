"""Segments in which a class is present, found from one probability per second."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundsift.detection.columns import SEGMENT_COLUMNS
from soundsift.numba_cache import compile_librosa_once
from soundsift.tables import schema_of

# Seconds per probability, and the assumed mean duration of presence and of absence in seconds.
STEP_SECONDS, LASTING_SECONDS = 1, 20


def find_segments(
    probability: Mapping[str, npt.NDArray[np.float64]], thresholds: Mapping[str, float], duration_seconds: float
) -> pa.Table:
    """Find the segments in which each detector's class is present.

    They are the most probable sequence of two states, present and absent (Viterbi 1967), where each state lasts
    :data:`LASTING_SECONDS` on average.

    Parameters
    ----------
    probability
        {detector: probability in each second, shape (n_seconds,), 0 to 1}
    thresholds
        {detector: probability at which presence and absence are equally likely}

    Returns
    -------
    :data:`SEGMENT_COLUMNS`, by detector and time.
    """
    compile_librosa_once()
    from librosa.sequence import transition_loop, viterbi_binary

    names = list(probability)
    present = viterbi_binary(
        np.stack([probability[name] for name in names]), transition_loop(2, 1 - STEP_SECONDS / LASTING_SECONDS),
        p_state=np.array([thresholds[name] for name in names]),
    )  # fmt: skip
    rows = []
    for name, state in zip(names, present, strict=True):
        edges = np.flatnonzero(np.diff(state, prepend=0, append=0)).tolist()
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            rows.append(
                {
                    "start_seconds": float(start * STEP_SECONDS),
                    "end_seconds": min(float(end * STEP_SECONDS), round(duration_seconds, 3)),
                    "detector": name,
                    "probability": round(float(probability[name][start:end].mean()), 4),
                }
            )
    return pa.Table.from_pylist(rows, schema=schema_of(SEGMENT_COLUMNS))
