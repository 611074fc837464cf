"""Is one combination better than another, or only luckier on these validation rows?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from experiment.resampling import LEVEL
from experiment.results.selection import Gap

Floats = NDArray[np.floating]
ROUNDING = 1e-9  # of a variance: below it two combinations say the same of every row


def may_be_best(figures: Floats, resampled: Floats) -> NDArray[np.bool_]:
    """Return which of several models cannot be told from the best on these rows, at 95 % for all of them together.

    The best came out best because it was chosen so: of 36 equal ones a comparison in pairs calls 30 % worse. Where all
    `may_be_equal`, nothing is told apart. Else model i is told from the best if some other is ahead of it by more
    standard errors than chance alone puts any ahead of i in 5 % of resamples: Hsu's multiple comparisons with the best
    (Ann. Stat. 9, 1981), with critical values of the bootstrap in place of Dunnett's, for models on the same rows are
    correlated, each pair differently.

    Parameters
    ----------
    figures : (k,), more is better
    resampled : (k, resamples), the same on resamples of the rows
    """
    deviations = resampled - figures[:, None]
    if may_be_equal(figures, deviations):
        return np.ones(len(figures), dtype=bool)
    errors = standard_errors(deviations)
    near = []
    for i, error in enumerate(errors):
        by_chance = in_errors((deviations - deviations[i]).T, error).max(axis=1)
        behind = figures - figures[i]
        told = behind[error == 0].max(initial=0) > ROUNDING or in_errors(behind, error).max() > np.quantile(
            by_chance, LEVEL
        )
        near.append(not told)
    return np.array(near)


def may_be_equal(figures: Floats, deviations: Floats) -> bool:
    """Whether all figures vary no more than chance alone makes equal ones vary in 95 % of resamples.

    Parameters
    ----------
    figures : (k,)
    deviations : (k, resamples), how far they are off on resamples of the rows
    """
    return bool(figures.var() <= max(np.quantile(deviations.var(axis=0), LEVEL), ROUNDING**2))


def standard_errors(deviations: Floats) -> Floats:
    """Return those of all differences between models, (k, k); 0 where two say the same of every row."""
    covariance = np.atleast_2d(np.cov(deviations))
    sums = covariance.diagonal()[:, None] + covariance.diagonal()
    squares = sums - 2 * covariance
    return np.sqrt(np.where(squares > ROUNDING * sums, squares, 0.0))


def in_errors(differences: Floats, errors: Floats) -> Floats:
    """Return differences in standard errors; 0 where there is none."""
    return np.divide(differences, errors, out=np.zeros_like(differences), where=errors > 0)


def compared(figures: Sequence[float], resampled: Floats) -> list[Gap]:
    """Return how far each is behind the first.

    Parameters
    ----------
    figures : (k,), more is better
    resampled : (k, resamples)
    """
    values = np.array(figures)
    near = may_be_best(values, resampled.astype(np.float64))
    errors = (resampled[0] - resampled).std(axis=1, dtype=np.float64)
    return [
        Gap(difference=values[0] - values[i], standard_error=errors[i], within_noise=bool(near[i] or i == 0))
        for i in range(len(values))
    ]
