"""What `train` returns."""

from experiment.axes import Combination
from experiment.counts import ClassCounts
from experiment.values import ArrayRef, Frozen, Result


class Judged(Frozen):
    """What a model said of the validation rows."""

    counts: ClassCounts
    predicted: ArrayRef  # (rows,) classes
    losses: ArrayRef  # (rows,) float32, −log ŷ of the true class


class Trained(Result):
    """One combination, trained. Loss and accuracy are those of the returned (best) parameters."""

    combination: Combination
    diverged: bool
    epochs_trained: int
    best_epoch: int  # 0: no epoch with a finite loss
    val_loss: float | None  # regularised, by which it stopped; None when diverged before the first finite one
    val_cross_entropy: float | None  # unregularised, which alone can be compared between α
    val_accuracy: float | None
    ended: bool  # by itself, not only as far as it was to go for now
    judged: Judged | None  # None when diverged before the first finite loss
    W: ArrayRef  # (m, c) float32
    b: ArrayRef  # (c,) float32
    history: ArrayRef  # (epochs, 4) float64: epoch, train_loss, val_loss, val_accuracy
