"""Ids of files of any name."""

import re
import unicodedata
from hashlib import sha256
from pathlib import PurePosixPath

# Letters of the file's name in its id, for people; the checksum tells files apart.
NAME_LENGTH = 40


def file_id(path: str) -> str:
    """Return the id of a file, of ASCII letters, digits, ``_`` and ``-``.

    It depends only on the path, so it stays when rows are added to a list or sorted.

    Parameters
    ----------
    path
        Relative to the folder of the first list.

    Examples
    --------
    >>> file_id("Küche 01.wav")
    'Kuche_01-233bd64e38'
    """
    normal = unicodedata.normalize("NFC", path)
    plain = unicodedata.normalize("NFKD", PurePosixPath(normal).stem).encode("ascii", "ignore").decode()
    name = re.sub("[^A-Za-z0-9]+", "_", plain)[:NAME_LENGTH].strip("_") or "file"
    return f"{name}-{sha256(normal.encode()).hexdigest()[:10]}"
