"""Statistical comparison of combinations on the same validation rows or on the same folds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from experiment.resampling import LEVEL
from experiment.results.selection import Gap

Floats = NDArray[np.floating]
NUMBERS_AT_A_TIME = 2**20
TIES = 1e-5  # leads that differ by a smaller fraction are the same
ROUNDING = 1e-9  # relative variance below which two combinations have the same predictions


def may_be_best(figures: Floats, resampled: Floats) -> NDArray[np.bool_]:
    """Which models may be the best, (k,): at 95 % confidence for all of them together.

    The best is chosen as the maximum, so pairwise comparisons mislead: of 36 equal models they call 30 % worse. If all
    `may_be_equal`, none is excluded. Otherwise model i is excluded if another model leads it by so many standard
    errors that chance gives such a lead in at most 5 % of resamples. These are Hsu's multiple comparisons with the best
    (Ann. Stat. 9, 1981). Critical values come from the bootstrap instead of Dunnett's tables, because models on the
    same rows are correlated, each pair differently.

    `figures`: (k,), higher is better; `resampled`: (k, resamples), the figures on resamples of the rows.
    """
    deviations = resampled - figures[:, None]
    near = np.ones(len(figures), dtype=bool)
    if may_be_equal(figures, deviations):
        return near
    by_resample = np.ascontiguousarray(deviations.T, dtype=np.float32)
    at_a_time = max(1, NUMBERS_AT_A_TIME // len(figures))
    for start in range(0, len(figures), at_a_time):
        for i, errors in enumerate(standard_errors(deviations, slice(start, start + at_a_time)), start):
            leads = figures - figures[i]
            lead = np.divide(leads, errors, out=np.zeros_like(leads), where=errors > 0).max()
            worse = leads[errors == 0].max(initial=0) > ROUNDING
            near[i] = not worse and (lead <= 0 or led_by_chance(by_resample, i, lead * errors))
    return near


def led_by_chance(deviations: NDArray[np.float32], i: int, leads: Floats) -> bool:
    """Whether some model leads model i by chance, in more than 5 % of resamples.

    `deviations`: (resamples, k); `leads`: (k,), how much each model must lead; 0: the same predictions, it never leads.
    """
    least = np.where(leads > 0, leads * (1 - TIES), np.inf).astype(np.float32)
    seen, enough = 0, (1 - LEVEL) * len(deviations)
    beyond = np.empty((max(1, NUMBERS_AT_A_TIME // 8 // len(leads)), len(leads)), np.float32)
    for start in range(0, len(deviations), len(beyond)):
        some = deviations[start : start + len(beyond)]
        largest = np.subtract(some, least, out=beyond[: len(some)]).max(axis=1)
        seen += int((largest >= some[:, i]).sum())
        if seen > enough:
            return True
    return False


def may_be_equal(figures: Floats, deviations: Floats) -> bool:
    """Whether the variance of the figures is no larger than chance gives for equal models in 95 % of resamples.

    `figures`: (k,); `deviations`: (k, resamples), their deviations on resamples of the rows.
    """
    return bool(figures.var() <= max(np.quantile(deviations.var(axis=0), LEVEL), ROUNDING**2))


def standard_errors(deviations: Floats, part: slice = slice(None)) -> Floats:
    """Standard errors of the differences between models of a part and all models; 0 for the same predictions.

    `deviations`: (k, resamples).
    """
    centred = deviations - deviations.mean(axis=1, keepdims=True)
    variances = (centred**2).sum(axis=1)
    sums = variances[part, None] + variances
    squares = sums - 2 * centred[part] @ centred.T
    return np.asarray(np.sqrt(np.where(squares > ROUNDING * sums, squares, 0) / (deviations.shape[1] - 1)))


def compared(figures: Sequence[float], resampled: Floats) -> list[Gap]:
    """The gap of each model to the first one; `figures` (k,), higher is better, and `resampled` (k, resamples)."""
    values = np.array(figures)
    near = may_be_best(values, resampled.astype(np.float64))
    errors = (resampled[0] - resampled).std(axis=1, dtype=np.float64)
    return [
        Gap(difference=values[0] - values[i], standard_error=errors[i], within_noise=bool(near[i] or i == 0))
        for i in range(len(values))
    ]


def compared_on_folds(figures: Floats, variance_factor: float) -> list[Gap]:
    """The gap of each model to the first one, the best, by the corrected resampled t test.

    With the differences d on J folds, t = mean(d) / √(variance factor · var(d)) has J − 1 degrees of freedom. A model
    is worse beyond noise at 95 % confidence for all of them together (Bonferroni), unless all may be equal. Models with
    the same figures count once.

    `figures`: (k, J), higher is better; `variance_factor`: `Split.variance_factor`.
    """
    from scipy.special import stdtr  # Student's distribution

    equal = may_be_equal_on_folds(figures, variance_factor)
    others, gaps = len(np.unique(figures, axis=0)) - 1, []
    for differences in figures[0] - figures:
        mean, error = differences.mean(), np.sqrt(variance_factor * differences.var(ddof=1))
        t = mean / error if error > ROUNDING else np.inf if mean > ROUNDING else 0.0
        worse = not equal and (1 - stdtr(len(differences) - 1, t)) * others < 1 - LEVEL
        gaps.append(Gap(difference=mean, standard_error=error, within_noise=bool(not worse)))
    return gaps


def may_be_equal_on_folds(figures: Floats, variance_factor: float) -> bool:
    """Whether an analysis of variance finds no difference between models at 95 % confidence.

    F is the variance of the models' means, divided by the variance factor and by the residual mean square: what neither
    model nor fold explains. Pairs of models are correlated differently, which the degrees of freedom of Greenhouse &
    Geisser allow for (Psychometrika 24, 1959).
    """
    from scipy.special import fdtrc

    models, folds = figures.shape
    rest = figures - figures.mean(axis=0) - figures.mean(axis=1, keepdims=True) + figures.mean()
    covariance = rest.T @ rest  # between folds: small, with the trace and the norm of that between models
    error = np.trace(covariance) / (models - 1) / (folds - 1) if models > 1 else 0.0
    variance = figures.mean(axis=1).var(ddof=1) if models > 1 else 0.0
    if error <= ROUNDING**2:
        return bool(variance <= ROUNDING**2)
    freedom = np.trace(covariance) ** 2 / (covariance**2).sum()
    F = variance / (variance_factor * error)
    return bool(fdtrc(freedom, freedom * (folds - 1), F) > 1 - LEVEL)
