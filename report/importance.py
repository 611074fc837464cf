"""Hyperparameter importance: shares of the variance of validation accuracy, with their uncertainty."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiment.axes import AXES
from experiment.resampling import LEVEL, interval
from experiment.results.evaluation import Importance
from experiment.search.comparison import may_be_equal
from experiment.search.ranking import Candidate
from experiment.search.space import Range, Space

Floats = NDArray[np.floating]
REST, SEPARATOR = "the rest", " × "
ROUNDING = 1e-12  # a smaller variance of accuracies is 0
FEWEST = 10  # combinations for a least-squares fit
EXACT, FITTED = "analysis of variance", "least squares"


def importance(ranking: Sequence[Candidate], resampled: Floats, space: Space | None = None) -> Importance | None:
    """The shares of the variance of validation accuracy; None if some combinations were pruned or too few converged.

    For a complete grid they come from an analysis of variance and sum to 1: the share of each hyperparameter with
    several values, of each pair of them ("alpha × batch_size") and of "the rest". If combinations diverged or were
    drawn, `main_effects` fits those that converged.

    An effect is beyond noise under two conditions. Not all accuracies `may_be_equal`. And its sum of squares exceeds
    the 95 % quantile of the largest sum of its kind (single or pair) for deviations on resamples. The first
    hyperparameter certainly mattered most if it is beyond noise and first in 95 % of resamples.

    Parameters
    ----------
    ranking : in any order; accuracies are means over seeds
    resampled : (candidates, resamples), accuracies on resamples of the validation rows
    space : the space of drawn candidates; None: they are a grid
    """
    rows = [row for row, candidate in enumerate(ranking) if not candidate.diverged]
    converged = [ranking[row] for row in rows]
    values = {name: [getattr(one.combination, name) for one in converged] for name in AXES}
    values = {name: column for name, column in values.items() if len(set(column)) > 1}
    if any(one.pruned for one in ranking) or not values:
        return None
    observed = np.array([[one.val_accuracy] for one in converged])
    samples = resampled[rows].astype(np.float64)
    y = np.concatenate([observed, samples, samples - observed], axis=1)  # the last are deviations on resamples
    ranges = {name: given for name, given in (space or {}).items() if isinstance(given, Range)}
    complete = not ranges and len(rows) == len(ranking) == prod(len(set(column)) for column in values.values())
    if not complete and len(rows) < FEWEST:
        return None
    fit = (analysis_of_variance(y, values), {*values}) if complete else main_effects(y, values, ranges)
    if fit is None:
        return None
    squares, fitting = fit
    count, total = samples.shape[1], ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    shares = {
        name: np.where(total > ROUNDING, square / np.maximum(total, ROUNDING), 0) for name, square in squares.items()
    }
    beyond: list[str] = []
    if not may_be_equal(y[:, 0], y[:, 1 + count :]):
        for kind in (list(values), [name for name in squares if SEPARATOR in name]):
            chance = np.max([np.zeros(count), *(squares[name][1 + count :] for name in kind)], axis=0)
            beyond += [name for name in kind if squares[name][0] > max(np.quantile(chance, LEVEL), ROUNDING)]
    first, *others = sorted(values, key=lambda name: -squares[name][0])
    on_resamples = {name: share[1 : 1 + count] for name, share in shares.items()}
    leads = on_resamples[first] > np.max([np.zeros(count), *(on_resamples[other] for other in others)], axis=0)
    return Importance(
        method=EXACT if complete else FITTED,
        shares={name: float(share[0]) for name, share in shares.items()},
        intervals={name: interval(share) for name, share in on_resamples.items()},
        beyond_noise=tuple(beyond),
        lead=float(leads.mean()),
        certain=first in beyond and first in fitting and bool(leads.mean() >= LEVEL),
    )


def analysis_of_variance(y: Floats, values: Mapping[str, Sequence[Any]]) -> dict[str, Floats]:
    """The sum of squares of each effect (R. A. Fisher, Statistical Methods, 1925).

    On a complete grid the main effects ȳ_i − ȳ, the interactions of pairs ȳ_ij − ȳ_i − ȳ_j + ȳ and the rest are
    orthogonal: their sums of squares add up to Σ(y − ȳ)².

    `y` : (combinations, samples); `values` : of each hyperparameter, by combination
    """
    places = [np.unique(column, return_inverse=True)[1] for column in values.values()]
    rest = np.empty((*(max(place) + 1 for place in places), y.shape[1]))
    rest[tuple(places)] = y - y.mean(axis=0)
    axes, names, squares = range(len(places)), list(values), {}
    for effect_axes in (*combinations(axes, 1), *combinations(axes, 2)):
        # Earlier effects are subtracted, so the means over the other axes are this effect alone.
        others = tuple(axis for axis in axes if axis not in effect_axes)
        effect = np.broadcast_to(rest.mean(axis=others, keepdims=True), rest.shape)
        rest = rest - effect
        squares[SEPARATOR.join(names[axis] for axis in effect_axes)] = (effect**2).sum(axis=tuple(axes))
    if len(names) > 1:
        squares[REST] = (rest**2).sum(axis=tuple(axes))
    return squares


def main_effects(
    y: Floats, values: Mapping[str, Sequence[Any]], ranges: Collection[str]
) -> tuple[dict[str, Floats], set[str]] | None:
    """The sum of squares that each hyperparameter adds to all others, and the hyperparameters confirmed by an F test.

    None if nothing is left for a residual, as there are no more combinations than values.

    The least-squares model has indicators of values, and t and t² for ranges with t on the axis's scale (type II sums
    of squares; Yates, J. Am. Stat. Assoc. 29, 1934). The sums add up to Σ(y − ȳ)² only for balanced hyperparameters.
    "The rest" is the residual and contains interactions. The F tests, at 5 % for all hyperparameters together, confirm
    that another sample of combinations would show the effect.
    """
    from scipy.special import fdtrc  # the F distribution's upper tail

    columns = {name: design(name, column, name in ranges) for name, column in values.items()}

    def residual(names: Iterable[str]) -> tuple[Floats, int]:
        X = np.column_stack([np.ones(len(y)), *(columns[name] for name in names)])
        coefficients, _, rank, _ = np.linalg.lstsq(X, y)
        return ((y - X @ coefficients) ** 2).sum(axis=0), len(y) - int(rank)

    left, freedom = residual(values)
    if not freedom:
        return None
    squares, confirmed = {}, set()
    for name in values:
        without, more = residual(other for other in values if other != name)
        squares[name] = np.maximum(without - left, 0.0)
        if more > freedom and left[0] > 0:
            F = squares[name][0] / (more - freedom) / (left[0] / freedom)
            confirmed |= {name} if fdtrc(more - freedom, freedom, F) < (1 - LEVEL) / len(values) else set()
    return {**squares, REST: left}, confirmed


def design(name: str, column: Sequence[Any], drawn: bool) -> Floats:
    """The columns of a hyperparameter in the least-squares model."""
    if not drawn:
        return np.array([[value == level for level in sorted(set(column))[1:]] for value in column], dtype=float)
    t = np.array(column, dtype=float)
    t = np.log(t) if AXES[name].scale == "log" else t
    t = (t - t.mean()) / np.ptp(t)
    return np.column_stack([t, t**2])
