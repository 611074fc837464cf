"""The result of `lbfgs`."""

from experiment.values import Result


class Lbfgs(Result):
    """scikit-learn's L-BFGS fit to the training rows, with its validation metrics."""

    alpha: float
    iterations: int
    val_accuracy: float
    val_cross_entropy: float  # unregularised, nats
