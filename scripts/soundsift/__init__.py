"""The functions behind the workflow's steps. They do not depend on Snakemake.

Importing the package sets environment variables of numerical libraries. NumPy and TensorFlow read them when they are
first imported, so the package must be imported before them.
"""

import os

# One thread per numerical library, whatever Snakemake or the user has set. Jobs run several processes instead, and
# additional threads would slow these down. The number of threads also changes the order of additions and thus rounding:
# with one thread, results do not depend on the number of cores.
for _library in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMBA_NUM", "TF_NUM_INTRAOP"):
    os.environ[f"{_library}_THREADS"] = "1"
# no information messages of TensorFlow in the logs, unless the user asks for them
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
