"""The result of `retrain`."""

from experiment.axes import Combination
from experiment.values import ArrayRef, Result


class Retrained(Result):
    """The winning combination, trained on all training rows."""

    combination: Combination
    epochs: int
    train_loss: float  # regularised, of the last epoch
    W: ArrayRef
    b: ArrayRef
    history: ArrayRef  # (epochs, 4) as in `Trained`, validation columns NaN
