"""The results of `check_gradients`, `train`, `retrain` and `lbfgs`."""

import numpy as np
from numpy.typing import NDArray

from experiment.axes import Combination
from experiment.values import ArrayRef, Frozen, Result

ClassCounts = tuple[tuple[int, int, int], ...]  # by class: rows, predictions, correct predictions


def class_counts(labels: NDArray[np.integer], predicted: NDArray[np.integer], classes: int) -> ClassCounts:
    """The counts of one model on some rows."""
    columns = [np.bincount(column, minlength=classes) for column in (labels, predicted, labels[predicted == labels])]
    return tuple((int(rows), int(taken), int(correct)) for rows, taken, correct in zip(*columns, strict=True))


class GradientCheck(Result):
    relative_errors: dict[str, float]  # of `softmax.check.relative_errors`


class Judged(Frozen):
    """A model's predictions for the validation rows."""

    counts: ClassCounts
    predicted: ArrayRef  # (rows,) classes
    losses: ArrayRef  # (rows,) float32, −log ŷ of the true class


class Trained(Result):
    """One trained combination. Losses and accuracy are those of the returned (best) parameters."""

    combination: Combination
    seed: int
    fold: int | None = None  # from 1; None: a single split
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
    history: ArrayRef  # (epochs, 5) float64: the columns of `softmax.sgd.Metrics`


class Retrained(Result):
    """The winning combination, trained on all training rows."""

    combination: Combination
    epochs: int
    train_loss: float  # regularised, of the last epoch
    W: ArrayRef
    b: ArrayRef
    history: ArrayRef  # (epochs, 5) as in `Trained`, validation columns NaN


class Lbfgs(Result):
    """scikit-learn's L-BFGS fit to the training rows, with its validation metrics."""

    alpha: float
    iterations: int
    val_accuracy: float
    val_cross_entropy: float  # unregularised, nats
