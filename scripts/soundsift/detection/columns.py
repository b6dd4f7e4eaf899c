"""Columns of the table of segments."""

import pyarrow as pa

from soundsift.tables import Column

SEGMENT_COLUMNS = (
    Column("start_seconds", pa.float64(), "s", "from the beginning of the recording"),
    Column("end_seconds", pa.float64(), "s", "from the beginning of the recording"),
    Column("detector", pa.string(), "", "detector whose class is present"),
    Column("probability", pa.float64(), "", "mean of the detector's probability, 0 to 1"),
)
