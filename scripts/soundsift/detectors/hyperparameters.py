"""Parameters of training: those of the configuration, and those that are fixed in the code."""

from dataclasses import dataclass

from soundsift.config.training import NetworkParams


@dataclass(frozen=True)
class Hyperparameters(NetworkParams):
    """The configured parameters, and those that were chosen on sources held out from training.

    Attributes
    ----------
    dropout
        Share of the hidden units that are switched off at each training step, 0 to 1.
    mixup
        Both parameters of the beta distribution from which the shares of mixed examples are drawn. 1 gives all shares
        the same probability, a smaller value gives mixtures dominated by one clip, 0 mixes nothing.
    passes
        Training takes at least ``min_steps`` batches, and draws each clip ``passes`` times for each side of a mixture.
    learning_rate
        Of Adam at the start; it falls to zero along a cosine.
    input_limit
        Standardised inputs are clipped to plus or minus this many standard deviations. For kinds of voices that are
        absent from training, some inputs were five standard deviations from the mean.
    """

    dropout: float = 0.3
    mixup: float = 1.0
    passes: int = 3
    learning_rate: float = 1e-3
    input_limit: float = 3.0
