"""Names of media in shards."""

# Endings of files that may be sound. In a tar shard, a member with another ending, such as json, txt or cls, belongs to
# the medium of the same key.
SOUND_ENDINGS = frozenset(
    {
        "flac", "wav", "mp3", "m4a", "mp4", "ogg", "opus", "oga", "webm", "mkv", "aac", "aif", "aiff", "wma", "mka",
        "3gp", "ac3", "aifc", "amr", "ape", "au", "avi", "caf", "mov", "mp2", "mpga", "snd", "spx", "w64", "wv",
    }
)  # fmt: skip
