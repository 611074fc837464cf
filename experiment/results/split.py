"""The result of `split`."""

from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from experiment.values import ArrayRef, Frozen, Result


class Baseline(Frozen):
    """Metrics of always predicting the class frequencies of the training rows."""

    accuracy: float
    cross_entropy: float


def class_frequencies(trained_on: NDArray[np.int64], labels: NDArray[np.int64]) -> Baseline:
    """Accuracy and cross-entropy of always predicting the class frequencies p of the training rows.

    The accuracy is that of the most frequent class (the first, on a tie); the cross-entropy −(1/n) Σ_i log p(y_i),
    in nats, the lowest that a constant prediction can expect.

    `trained_on`, `labels`: (k,) and (n,) in 0 … c − 1; each class of `labels` is among `trained_on`.
    """
    counts = np.bincount(trained_on)
    log_p = np.log(counts[labels] / len(trained_on))
    return Baseline(accuracy=float(np.mean(labels == counts.argmax())), cross_entropy=-float(log_p.mean()))


class Fold(Frozen):
    """Row indices into the training set: two disjoint int64 arrays that cover it."""

    train: ArrayRef
    validation: ArrayRef


class Split(Result):
    """The folds of cross-validation, one repeat after the other, or a single split."""

    folds: tuple[Fold, ...]
    repeats: int = 1  # in each the validation rows of the folds are disjoint, and the same together
    rare: tuple[int, ...] = ()  # classes with too few rows to be validated on
    baseline: Baseline  # on the validation rows, mean over the folds

    @property
    def numbered(self) -> dict[int | None, Fold]:
        """The folds by their numbers, from 1; a single split by None."""
        return {None: self.folds[0]} if len(self.folds) == 1 else dict(enumerate(self.folds, start=1))

    @property
    def variance_factor(self) -> float:
        """The variance of a mean of paired differences over the folds, as a multiple of their variance.

        It is 1/J + n₂/n₁ for J folds with n₁ training rows and n₂ validation rows, more than 1/J, because the training
        sets overlap: the correction of Nadeau & Bengio (Machine Learning 52, 2003, section 4.2), for repeated folds of
        Bouckaert & Frank (PAKDD 2004).
        """
        ratios = [fold.validation.shape[0] / fold.train.shape[0] for fold in self.folds]
        return 1 / len(ratios) + fmean(ratios)

    @property
    def judge(self) -> "Judge":
        rows = sum(fold.validation.shape[0] for fold in self.folds) // self.repeats
        return Judge(rows=rows, folds=len(self.folds) // self.repeats, repeats=self.repeats)


class Judge(Frozen):
    """What the combinations are judged by: rows that are validated on, in one split or in folds."""

    rows: int
    folds: int = 1  # 1: a single split
    repeats: int = 1
