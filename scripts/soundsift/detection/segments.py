"""From a probability each second to stretches in which a class is heard."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soundsift.tables import Column, schema_of

# One probability a second; heard and not heard last twenty seconds each on average.
STEP_SECONDS, LASTING_SECONDS = 1, 20

SEGMENT_COLUMNS = (
    Column("start_seconds", pa.float64(), "s", "from the beginning of the recording"),
    Column("end_seconds", pa.float64(), "s", "from the beginning of the recording"),
    Column("detector", pa.string(), "", "whose class is heard"),
    Column("probability", pa.float64(), "", "mean of the detector's probability, 0 to 1"),
)


def find_segments(
    probability: Mapping[str, npt.NDArray[np.float64]], thresholds: Mapping[str, float], duration_seconds: float
) -> pa.Table:
    """Find the stretches in which each detector's class is heard.

    Parameters
    ----------
    probability
        {detector: of each second, shape (n_seconds,)}
    thresholds
        {detector: probability at which heard and not heard are equally likely}

    Returns
    -------
    :data:`SEGMENT_COLUMNS`.
    """
    from librosa.sequence import transition_loop, viterbi_binary

    names = list(probability)
    heard = viterbi_binary(
        np.stack([probability[name] for name in names]), transition_loop(2, 1 - STEP_SECONDS / LASTING_SECONDS),
        p_state=np.array([thresholds[name] for name in names]),
    )  # fmt: skip
    rows = []
    for name, state in zip(names, heard, strict=True):
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
