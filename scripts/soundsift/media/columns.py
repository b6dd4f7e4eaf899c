"""Columns of the tables of downloads and outcomes, and the constants that later steps need."""

import pyarrow as pa

from soundsift.metadata.columns import BATCH_COLUMNS
from soundsift.tables import Column

# Final outcome of every clip of a batch.
OUTCOME_COLUMNS = (
    *BATCH_COLUMNS,
    Column("outcome", pa.string(), "", "outcome of the clip"),
    Column("reason", pa.string(), "", "message of the source or decoder, empty for ok"),
    Column("duration_seconds", pa.float64(), "s", "duration of the clip file"),
    Column("peak_dbfs", pa.float64(), "dB", "peak level relative to full scale, -100 for digital silence"),
    Column(
        "loudness_dbfs", pa.float64(), "dB", "root-mean-square level relative to full scale, -100 for digital silence"
    ),
    Column("source", pa.string(), "", "source of the media, one of download.sources; empty without media"),
    Column("media_seconds", pa.float64(), "s", "duration of the media; empty if they state none"),
    Column("media_sample_rate_hz", pa.int64(), "Hz", "sample rate of the media"),
    Column("media_channels", pa.int64(), "", "number of channels of the media"),
)

# Result of the download of every clip of a batch.
DOWNLOAD_COLUMNS = (
    *BATCH_COLUMNS,
    Column("outcome", pa.string(), "", "outcome of the clip"),
    Column("reason", pa.string(), "", "message of the source, empty for ok"),
    Column("media", pa.string(), "", "media file, relative to the archive; empty if there is none"),
    Column("media_start_seconds", pa.float64(), "s", "second of the video at which the media begin"),
    Column("sha256", pa.string(), "", "SHA-256 of the media file"),
)

# Outcomes of clips that are available.
KEPT = frozenset({"ok", "silent"})
# Reason of a clip that is corrupt because its clip file is damaged, while its media are intact.
UNREADABLE = "the clip file could not be read back: --forcerun convert_clips writes it again"
# A clip is silent if no sample is louder.
SILENCE_DBFS = -60.0
