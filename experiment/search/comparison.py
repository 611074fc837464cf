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

    The best came out best because it was chosen so: of 36 equal ones a comparison in pairs calls 30 % worse. Where the
    last is no further behind the first than chance alone puts it in 5 % of resamples, nothing is told apart. Else model
    i is told from the best if some other is ahead of it by more standard errors than chance alone puts any ahead of i
    in 5 % of resamples: Hsu's multiple comparisons with the best (Ann. Stat. 9, 1981), with critical values of the
    bootstrap in place of Dunnett's, for models on the same rows are correlated, each pair differently.

    Parameters
    ----------
    figures : (k,), more is better
    resampled : (k, resamples), the same on resamples of the rows
    """
    deviations = resampled - figures[:, None]
    if np.ptp(figures) <= np.quantile(np.ptp(deviations, axis=0), LEVEL):
        return np.ones(len(figures), dtype=bool)
    errors = standard_errors(deviations)
    near = []
    for i in range(len(figures)):
        by_chance = in_errors((deviations - deviations[i]).T, errors[i]).max(axis=1)
        near.append(in_errors(figures - figures[i], errors[i]).max() <= np.quantile(by_chance, LEVEL))
    return np.array(near)


def standard_errors(deviations: Floats) -> Floats:
    """Return those of all differences between models, (k, k); 0 where two say the same of every row."""
    covariance = np.atleast_2d(np.cov(deviations))
    sums = covariance.diagonal()[:, None] + covariance.diagonal()
    squares = sums - 2 * covariance
    return np.sqrt(np.where(squares > ROUNDING * sums, squares, 0.0))


def in_errors(differences: Floats, errors: Floats) -> Floats:
    """Return differences in standard errors; one that has no error is 0 or infinite."""
    certain = np.where(differences > ROUNDING, np.inf, 0.0)
    return np.divide(differences, errors, out=certain, where=errors > 0)


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
