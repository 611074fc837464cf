"""Is one combination better than another, or only luckier on these validation rows?"""

import numpy as np
from numpy.typing import NDArray

from experiment.values import Frozen

QUANTILE = 1.96  # of the normal distribution: 95 % lie within so many standard errors


class AccuracyGap(Frozen):
    """By how much a combination's validation accuracy is behind the winner's, on the same rows."""

    difference: float
    standard_error: float

    @property
    def within_noise(self) -> bool:
        """Whether a 95 % interval of the difference reaches 0: then the winner may just have been lucky."""
        return self.difference <= QUANTILE * self.standard_error


def accuracy_gap(winner: NDArray[np.bool_], other: NDArray[np.bool_]) -> AccuracyGap:
    """Return the difference of two accuracies on the same rows and its paired standard error.

    With d_i the difference on row i (1, 0 or −1; its mean over the seeds): d̄ and √(Σ(d_i − d̄)² / (n(n − 1))).
    Rows that both have right or both wrong add nothing, so it is smaller than that of two independent accuracies. For
    one seed, b rows right only here and c only there, d̄ = (b − c)/n and, n² times, the square of the error is
    b + c − (b − c)²/n but for n/(n − 1): McNemar's comparison (Psychometrika 12, 1947) with its error as it is, not
    as it were if the two were equal.

    Parameters
    ----------
    winner, other : (seeds, n) bool, which rows are right
    """
    differences = winner.mean(axis=0) - other.mean(axis=0)
    n = len(differences)
    error = float(differences.std(ddof=1)) / n**0.5 if n > 1 else 0.0
    return AccuracyGap(difference=float(differences.mean()), standard_error=error)
