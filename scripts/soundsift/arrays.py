"""Types of arrays, by the type of their elements."""

from typing import Any

import numpy as np
import numpy.typing as npt

AnyArray = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]
Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
# Truth of clips (0, 1, or -1 for unknown), row numbers and numbers of videos.
Int64Array = npt.NDArray[np.int64]
