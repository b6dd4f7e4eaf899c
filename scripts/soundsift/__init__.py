"""The functions behind the workflow's steps. They do not depend on Snakemake.

    from soundsift import load
    load("combined.keras").detect("file.mp3")

Importing the package sets environment variables of numerical libraries. NumPy and TensorFlow read them when they are
first imported, so the package must be imported before them.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soundsift.detection.listen import load as load

# One thread per numerical library, whatever Snakemake or the user has set. Jobs run several processes instead, and
# additional threads would slow these down. The number of threads also changes the order of additions and thus rounding:
# with one thread, results do not depend on the number of cores.
for _library in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMBA_NUM", "TF_NUM_INTRAOP"):
    os.environ[f"{_library}_THREADS"] = "1"
# no information messages of TensorFlow in the logs, unless the user asks for them
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def __getattr__(name: str) -> Any:
    """Import :func:`soundsift.detection.listen.load` when it is first used."""
    if name == "load":
        from soundsift.detection.listen import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
