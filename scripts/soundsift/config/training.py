"""Section ``training``: how detectors are trained and evaluated."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen


@dataclass(frozen=True)
class NetworkParams:
    """The networks and how examples are drawn for them."""

    model: Literal["both", "statistics", "frames"] = "both"
    """both, statistics or frames: the networks of a detector. Networks on statistics take the columns of
    features.parquet. Networks on frames take the course of the frame features over time. With both, the outputs of the
    two are weighted on held-out clips."""
    hidden_units: Annotated[list[Annotated[int, Ge(1)]], MinLen(1)] = field(default_factory=lambda: [256, 128, 64])
    """Units of the hidden layers of the networks on statistics."""
    members: Annotated[int, Ge(1), Le(50)] = 6
    """Number of networks on statistics whose outputs are averaged. Each network leaves out a different part of the
    videos. The probabilities are calibrated on these parts. Every second network is trained without augmented clips.
    There are three networks on frames, or fewer if this is smaller. With 1, no videos are left out and the
    probabilities are not calibrated."""
    balance: Literal["equal", "weights", "none"] = "equal"
    """equal, weights or none: how unequal classes are balanced. With equal, every epoch uses as many clips with the
    class as without it. The clips of the larger group are drawn anew for each epoch. With weights, the two groups are
    weighted in the loss. With none, nothing is changed."""
    min_steps: Annotated[int, Ge(1)] = 1000
    """Smallest number of training steps (batches of clips). Long lists take more steps. A smaller value is for a quick
    trial: training is shorter, and the detectors are worse."""
    seed: Annotated[int, Ge(0), Le(4294967295)] = 0
    """Seed of all random numbers in training. The same table and seed give the same detector."""


@dataclass(frozen=True)
class DataParams:
    """The data that a detector is trained on."""

    features: Literal["all", "original"] = "all"
    """Features that are used: all, or original for only 25 means. These are the features of the first version of this
    method."""
    augment: Annotated[int, Ge(0), Le(20)] = 3
    """Number of augmented versions of each training clip; 0 for none. Augmentation changes the room, the microphone or
    the speed, mixes in noise or another clip, or codes the sound as a telephone or a stream does. Making one version
    takes as long as extracting a clip's features, so 1 may be enough for long lists. With 1 or more, random windows of
    2 to 4 s of the clips and versions are training examples too."""
    test_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Share of the videos held out for evaluation where no eval list is given."""


@dataclass(frozen=True)
class TrainingParams(NetworkParams, DataParams):
    """How detectors are trained and evaluated."""
