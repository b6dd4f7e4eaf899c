"""Pure functions behind the workflow: every step's science, none of Snakemake."""

import os

# Work is shared by processes, and a numerical library that starts threads besides would only get in their way and round
# otherwise with another number of cores. Snakemake sets some of these to a job's threads; they count when NumPy and
# TensorFlow are first imported.
for _library in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMBA_NUM", "TF_NUM_INTRAOP"):
    os.environ[f"{_library}_THREADS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
