"""First columns of the tables of augmented versions of clips."""

import pyarrow as pa

from soundsift.tables import Column

VERSION_COLUMNS = (
    Column("clip_id", pa.string(), "", "the clip that was changed"),
    Column("version", pa.int64(), "", "number of the version of that clip, from 1"),
    Column("partner", pa.string(), "", "the mixed-in clip, null for none; its classes are present in the mixture too"),
)
