"""What else decides how a network learns, beside what the configuration sets."""

from dataclasses import dataclass

from soundsift.config.training import NetworkParams


@dataclass(frozen=True)
class Hyperparameters(NetworkParams):
    """The configured parameters, and those that were chosen on sources left out of training.

    Attributes
    ----------
    dropout
        Share of the hidden units that are switched off at each step, 0 to 1.
    mixup
        Parameter of the beta distribution of mixing shares: 1 for any share alike, less for mostly one clip, 0 for no
        mixing.
    min_steps, passes
        Training takes at least this many batches, and draws every clip this many times for each side of a mixture.
    learning_rate
        Of Adam at the start; it falls to zero along a cosine.
    input_limit
        Standardised inputs are clipped to plus or minus this many standard deviations. Single columns of other kinds of
        voices were found five deviations out.
    """

    dropout: float = 0.3
    mixup: float = 1.0
    min_steps: int = 1000
    passes: int = 3
    learning_rate: float = 1e-3
    input_limit: float = 3.0
