"""Columns of the tables of outcomes, and the words in them that every later step needs."""

import pyarrow as pa

from soundsift.metadata.columns import BATCH_COLUMNS
from soundsift.tables import Column

# What became of each clip of a batch.
OUTCOME_COLUMNS = (
    *BATCH_COLUMNS,
    Column("outcome", pa.string(), "", "what became of the clip"),
    Column("reason", pa.string(), "", "the source's or decoder's own words, empty for ok"),
    Column("duration_seconds", pa.float64(), "s", "true length of the clip"),
    Column("peak_dbfs", pa.float64(), "dB", "peak level relative to full scale, -100 for digital silence"),
    Column(
        "loudness_dbfs", pa.float64(), "dB", "root-mean-square level relative to full scale, -100 for digital silence"
    ),
)

# What the archive holds of each clip of a batch.
DOWNLOAD_COLUMNS = (
    *BATCH_COLUMNS,
    Column("outcome", pa.string(), "", "what became of the clip"),
    Column("reason", pa.string(), "", "the source's own words, empty for ok"),
    Column("media", pa.string(), "", "media file, relative to the archive; empty where there is none"),
    Column("media_start_seconds", pa.float64(), "s", "where in the video the media begin"),
    Column("sha256", pa.string(), "", "of the media file"),
)

# Outcomes of clips that are there.
KEPT = frozenset({"ok", "silent"})
# Why a clip is corrupt although its media are not.
UNREADABLE = "the clip file could not be read back: --forcerun convert_clips writes it anew"
# A clip is silent if no sample is louder.
SILENCE_DBFS = -60.0
