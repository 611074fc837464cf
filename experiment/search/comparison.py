"""Statistical comparison of combinations on the same validation rows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from experiment.resampling import LEVEL
from experiment.results.selection import Gap

Floats = NDArray[np.floating]
ROUNDING = 1e-9  # relative variance below which two combinations have the same predictions


def may_be_best(figures: Floats, resampled: Floats) -> NDArray[np.bool_]:
    """Which models may be the best, (k,): at 95 % confidence for all of them together.

    The best is chosen as the maximum, so pairwise comparisons mislead: of 36 equal models they call 30 % worse. If all
    `may_be_equal`, none is excluded. Otherwise model i is excluded if another model leads it by more standard errors
    than the largest lead over i that chance gives in 95 % of resamples. These are Hsu's multiple comparisons with the
    best (Ann. Stat. 9, 1981). Critical values come from the bootstrap instead of Dunnett's tables, because models on
    the same rows are correlated, each pair differently.

    Parameters
    ----------
    figures : (k,), higher is better
    resampled : (k, resamples), the figures on resamples of the rows
    """
    deviations = resampled - figures[:, None]
    if may_be_equal(figures, deviations):
        return np.ones(len(figures), dtype=bool)
    errors = standard_errors(deviations)
    near = []
    for i, error in enumerate(errors):
        by_chance = in_errors((deviations - deviations[i]).T, error).max(axis=1)
        leads = figures - figures[i]
        worse = leads[error == 0].max(initial=0) > ROUNDING
        worse = worse or in_errors(leads, error).max() > np.quantile(by_chance, LEVEL)
        near.append(not worse)
    return np.array(near)


def may_be_equal(figures: Floats, deviations: Floats) -> bool:
    """Whether the variance of the figures is no larger than chance gives for equal models in 95 % of resamples.

    Parameters
    ----------
    figures : (k,)
    deviations : (k, resamples), their deviations on resamples of the rows
    """
    return bool(figures.var() <= max(np.quantile(deviations.var(axis=0), LEVEL), ROUNDING**2))


def standard_errors(deviations: Floats) -> Floats:
    """Standard errors of the differences between models, (k, k); 0 for models with the same predictions."""
    covariance = np.atleast_2d(np.cov(deviations))
    sums = covariance.diagonal()[:, None] + covariance.diagonal()
    squares = sums - 2 * covariance
    return np.sqrt(np.where(squares > ROUNDING * sums, squares, 0.0))


def in_errors(differences: Floats, errors: Floats) -> Floats:
    """Differences in units of standard errors; 0 where the standard error is 0."""
    return np.divide(differences, errors, out=np.zeros_like(differences), where=errors > 0)


def compared(figures: Sequence[float], resampled: Floats) -> list[Gap]:
    """The gap of each model to the first one.

    Parameters
    ----------
    figures : (k,), higher is better
    resampled : (k, resamples)
    """
    values = np.array(figures)
    near = may_be_best(values, resampled.astype(np.float64))
    errors = (resampled[0] - resampled).std(axis=1, dtype=np.float64)
    return [
        Gap(difference=values[0] - values[i], standard_error=errors[i], within_noise=bool(near[i] or i == 0))
        for i in range(len(values))
    ]
