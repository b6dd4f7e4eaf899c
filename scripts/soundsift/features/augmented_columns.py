"""First columns of the tables of augmented versions of clips."""

import pyarrow as pa

from soundsift.tables import Column

VERSION_COLUMNS = (
    Column("clip_id", pa.string(), "", "the clip that was changed"),
    Column("version", pa.int64(), "", "number of the version of that clip, from 1; 0 for the clip itself"),
    Column("partner", pa.string(), "", "the mixed-in clip, null for none; its classes are present in the mixture too"),
    Column("is_window", pa.bool_(), "", "true for a random window of 2 to 4 s of the version, false for all of it"),
)
