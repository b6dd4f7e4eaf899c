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
    """Networks whose outputs are averaged. Each leaves out another part of the videos, which serves to calibrate the
    probabilities; every second one is trained without augmented clips. 1 leaves out nothing and calibrates nothing."""
    balance: Literal["equal", "weights", "none"] = "equal"
    """equal, weights or none: how unequal classes are balanced. equal draws as many clips of either class in every epoch
    (afresh from the larger one), weights weights the classes in the loss, none does nothing."""
    seed: Annotated[int, Ge(0), Le(4294967295)] = 0
    """Seed of everything random in training. The same table and seed give the same detector."""


@dataclass(frozen=True)
class DataParams:
    """What a detector is trained on."""

    features: Literal["all", "original"] = "all"
    """all, or original for the 25 means of the first version of this method."""
    augment: Annotated[int, Ge(0), Le(20)] = 1
    """Augmented versions of each training clip; 0 for none. A version has another room, microphone, speed, noise or
    another clip mixed in. Each costs as much time as the features of a clip."""
    test_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Share of the videos held out for evaluation where no eval list is given."""


@dataclass(frozen=True)
class TrainingParams(NetworkParams, DataParams):
    """How detectors are trained and evaluated."""
