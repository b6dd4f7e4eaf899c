"""Paths of recordings as percent-encoded text.

A path may hold bytes that are not valid text and characters that Snakemake takes for wildcards. Percent-encoded, it can
be a rule's parameter and a string in JSON.
"""

import os
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes


def encode_path(path: Path) -> str:
    """Percent-encode the bytes of a path.

    Examples
    --------
    >>> encode_path(Path("a {1}.mp3"))
    'a%20%7B1%7D.mp3'
    """
    return quote(os.fsencode(path))


def decode_path(encoded: str) -> Path:
    """Reverse :func:`encode_path`."""
    return Path(os.fsdecode(unquote_to_bytes(encoded)))
