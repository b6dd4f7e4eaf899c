"""Columns of the tables in the folder of a detector."""

import pyarrow as pa

from soundsift.tables import Column

ERROR_COLUMNS = (
    Column("label", pa.string(), "", "a label of the eval clips"),
    Column("with_it", pa.int64(), "clips", "eval clips with this label in which the class is present"),
    Column("missed", pa.int64(), "clips", "clips of with_it in which the class was not detected"),
    Column("without_it", pa.int64(), "clips", "eval clips with this label in which the class is absent"),
    Column("false_alarms", pa.int64(), "clips", "clips of without_it in which the class was detected"),
)
PREDICTION_COLUMNS = (
    Column("clip_id", pa.string(), "", "video id and start in milliseconds"),
    Column("split", pa.string(), "", "eval for clips used for evaluation, train for training clips"),
    Column("truth", pa.bool_(), "", "whether the class is present, by the labels"),
    Column("probability", pa.float64(), "", "probability that the class is present, by the detector, 0 to 1"),
    Column("predicted", pa.bool_(), "", "whether the probability reaches the threshold"),
)

# Periods of the history: training is divided into this many equal parts.
N_EPOCHS = 30
HISTORY_COLUMNS = (
    Column("epoch", pa.int64(), "", "number of the training period, from 1; training has thirty periods"),
    Column("loss", pa.float64(), "nat", "mean cross-entropy of the mixed training clips"),
    Column(
        "accuracy",
        pa.float64(),
        "",
        "share of the mixed training clips for which the class of the clip with the larger weight was predicted",
    ),
    Column(
        "val_loss", pa.float64(), "nat", "mean cross-entropy of each member network on the clips that it leaves out"
    ),
    Column("val_accuracy", pa.float64(), "", "accuracy of each member network on the clips that it leaves out"),
)

CURVE_COLUMNS = (
    Column("n_clips", pa.int64(), "clips", "training clips, without their augmented versions"),
    Column("metric", pa.string(), "", "roc_auc or average_precision, for which no threshold is needed"),
    Column("value", pa.float64(), "", "value of the metric for one network trained on these clips"),
    Column("low", pa.float64(), "", "lower end of the 95 % bootstrap interval over the eval clips"),
    Column("high", pa.float64(), "", "upper end of the interval"),
)

# The detector and the models compared with it, on the eval clips. The baseline "always no" has no probability.
PROBABILITY_COLUMNS = (
    Column("clip_id", pa.string(), "", "video id and start in milliseconds"),
    Column("truth", pa.bool_(), "", "whether the class is present, by the labels"),
    Column("probability", pa.float64(), "", "probability that the class is present, by the detector, 0 to 1"),
    Column("uncalibrated", pa.float64(), "", "probability by the detector before calibration"),
    Column(
        "logistic_regression", pa.float64(), "",
        "probability by logistic regression on the same inputs and clips; null if the detector was not judged",
    ),
    Column(
        "the_original_25_inputs", pa.float64(), "",
        "probability by the same network on the original 25 inputs; null if the detector uses them, if it was not "
        "judged, or if they are missing",
    ),
)  # fmt: skip
BASELINES = tuple(column.name for column in PROBABILITY_COLUMNS[4:])
