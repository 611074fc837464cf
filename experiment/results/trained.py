"""The result of `train`."""

from experiment.axes import Combination
from experiment.counts import ClassCounts
from experiment.values import ArrayRef, Frozen, Result


class Judged(Frozen):
    """A model's predictions for the validation rows."""

    counts: ClassCounts
    predicted: ArrayRef  # (rows,) classes
    losses: ArrayRef  # (rows,) float32, −log ŷ of the true class


class Trained(Result):
    """One trained combination. Losses and accuracy are those of the returned (best) parameters."""

    combination: Combination
    diverged: bool
    epochs_trained: int
    best_epoch: int  # 0: no epoch with a finite loss
    val_loss: float | None  # regularised, used by early stopping; None: no epoch with a finite loss
    val_cross_entropy: float | None  # unregularised, comparable between α
    val_accuracy: float | None
    ended: bool  # stopped early or at max_epochs, not paused by halving
    judged: Judged | None  # None: no epoch with a finite loss
    W: ArrayRef  # (m, c) float32
    b: ArrayRef  # (c,) float32
    history: ArrayRef  # (epochs, 4) float64: epoch, train_loss, val_loss, val_accuracy
