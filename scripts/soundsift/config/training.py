"""Section ``training``: how detectors are trained and evaluated."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen


@dataclass(frozen=True)
class NetworkParams:
    """The network and how examples are drawn for it."""

    hidden_units: Annotated[list[Annotated[int, Ge(1)]], MinLen(1)] = field(default_factory=lambda: [256, 128, 64])
    """Units of the hidden layers."""
    members: Annotated[int, Ge(1), Le(50)] = 6
    """Networks whose outputs are averaged. Each network leaves out another part of the videos, which is used to
    calibrate the probabilities. Every second network is trained without augmented clips. With 1 nothing is left out and
    the probabilities are not calibrated."""
    balance: Literal["equal", "weights", "none"] = "equal"
    """equal, weights or none: how unequal classes are balanced. equal draws equal numbers of clips with and without the
    class in every epoch, anew each time from the larger group. With weights, the two groups are weighted in the loss.
    With none, nothing is changed."""
    seed: Annotated[int, Ge(0), Le(4294967295)] = 0
    """Seed of everything random in training. The same table and seed give the same detector."""


@dataclass(frozen=True)
class DataParams:
    """The data that a detector is trained on."""

    features: Literal["all", "original"] = "all"
    """all, or original for only the 25 means of the first version of this method."""
    augment: Annotated[int, Ge(0), Le(20)] = 1
    """Augmented versions of each training clip; 0 for none. A version is changed in room, microphone or speed, or has
    noise or another clip mixed in. It takes as much time as the features of a clip."""
    test_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Share of the videos held out for evaluation where no eval list is given."""


@dataclass(frozen=True)
class TrainingParams(NetworkParams, DataParams):
    """How detectors are trained and evaluated."""
