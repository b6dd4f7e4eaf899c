"""Reading clip files."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from soundsift.errors import InputError, MediaError
from soundsift.media.containers import JITTER_SECONDS, reason_of
from soundsift.media.truncation import missing_bytes


def read_samples(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Read a clip file written by :func:`soundsift.media.encode.write_clip`.

    Returns
    -------
    (samples, sample_rate_hz)
        Samples of shape (n,), float32, mono, full scale at 1 (MP3 may overshoot it).

    Raises
    ------
    MediaError
        ``corrupt`` if the file cannot be decoded, or is shorter than its header states.
    InputError
        If the file is empty. The workflow writes no such file.
    """
    if not path.is_file() or path.stat().st_size == 0:
        raise InputError(f"{path} is empty: delete it and run again")
    try:
        if missing_bytes(path):
            raise MediaError("corrupt", f"{path.name} is shorter than its header says")
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])
            stated, found = (container.duration or 0) / av.time_base, len(samples) / stream.rate
            if found < stated - JITTER_SECONDS:
                raise MediaError("corrupt", f"{path.name} says {stated:.1f} s and ends after {found:.1f} s")
            if samples.dtype == np.int16:
                samples = samples.astype(np.float32) / 32768
            return samples, stream.rate
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise MediaError("corrupt", f"{path.name} cannot be decoded: {reason_of(error)}") from error
