"""What `lbfgs` returns."""

from experiment.values import Result


class Lbfgs(Result):
    """scikit-learn's L-BFGS on the rows trained on, judged on the validation rows."""

    alpha: float
    iterations: int
    val_accuracy: float
    val_cross_entropy: float  # unregularised, nats
