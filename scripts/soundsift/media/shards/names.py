"""Names of media in shards."""

import re

# Endings of files that may be sound. In a tar shard, a member with another ending, such as json, txt or cls, belongs to
# the medium of the same key.
SOUND_ENDINGS = frozenset(
    {
        "flac", "wav", "mp3", "m4a", "mp4", "ogg", "opus", "oga", "webm", "mkv", "aac", "aif", "aiff", "wma", "mka",
        "3gp", "ac3", "aifc", "amr", "ape", "au", "avi", "caf", "mov", "mp2", "mpga", "snd", "spx", "w64", "wv",
    }
)  # fmt: skip
# An id that is the name of a file: what follows the id.
FILE_ENDING = rf"(?i)\.(?:{'|'.join(sorted(SOUND_ENDINGS))})$"


def id_of(name: str) -> str:
    """Return a name without the ending of a sound.

    Examples
    --------
    >>> id_of("--PJHxphWEs.flac"), id_of("--PJHxphWEs_30000"), id_of("recording.2")
    ('--PJHxphWEs', '--PJHxphWEs_30000', 'recording.2')
    """
    return re.sub(FILE_ENDING, "", name)
