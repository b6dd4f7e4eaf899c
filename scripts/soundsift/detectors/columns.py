"""Columns of the tables that stand beside a detector."""

import pyarrow as pa

from soundsift.tables import Column

ERROR_COLUMNS = (
    Column("label", pa.string(), "", "a label of the eval clips"),
    Column("with_it", pa.int64(), "clips", "eval clips with this label in which the class is heard"),
    Column("missed", pa.int64(), "clips", "of them not detected"),
    Column("without_it", pa.int64(), "clips", "eval clips with this label in which the class is not heard"),
    Column("false_alarms", pa.int64(), "clips", "of them detected"),
)
PREDICTION_COLUMNS = (
    Column("clip_id", pa.string(), "", "video id and start in milliseconds"),
    Column("split", pa.string(), "", "eval where the clip judged, train where it taught"),
    Column("truth", pa.bool_(), "", "what the labels say"),
    Column("probability", pa.float64(), "", "what the detector says, 0 to 1"),
    Column("predicted", pa.bool_(), "", "whether the probability reaches the threshold"),
)

HISTORY_COLUMNS = (
    Column("epoch", pa.int64(), "", "thirtieth parts of the training, from 1"),
    Column("loss", pa.float64(), "nat", "mean cross-entropy of the mixed training clips"),
    Column("accuracy", pa.float64(), "", "share of the mixed training clips whose stronger part was recognised"),
    Column("val_loss", pa.float64(), "nat", "mean cross-entropy of the clips that their member leaves out"),
    Column("val_accuracy", pa.float64(), "", "share of the clips that their member leaves out that were right"),
)

CURVE_COLUMNS = (
    Column("n_clips", pa.int64(), "clips", "training clips, without their changed versions"),
    Column(
        "metric",
        pa.string(),
        "",
        "roc_auc or average_precision, for which no threshold is needed",
    ),
    Column("value", pa.float64(), "", "of one network trained on them"),
    Column("low", pa.float64(), "", "lower end of the 95 % bootstrap interval over the eval clips"),
    Column("high", pa.float64(), "", "upper end of it"),
)
