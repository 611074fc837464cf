"""What mattered: how much of the variance of validation accuracy each hyperparameter explains, and how sure that is."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiment.axes import AXES
from experiment.resampling import LEVEL, interval
from experiment.search.comparison import may_be_equal
from experiment.search.ranking import Candidate
from experiment.search.space import Range, Space
from experiment.summary import Importance

Floats = NDArray[np.floating]
REST, SEPARATOR = "the rest", " × "
ROUNDING = 1e-12  # accuracies closer together than this are equal
FEWEST = 10  # combinations that say something of those that are missing
EXACT, FITTED = "analysis of variance", "least squares"


def importance(ranking: Sequence[Candidate], resampled: Floats, space: Space | None = None) -> Importance | None:
    """The shares of the variance of validation accuracy, each with its interval over the validation rows.

    Over a complete grid by analysis of variance: of each hyperparameter with several values alone, of each pair of them
    together ("alpha × batch_size"), and of "the rest"; they sum to 1. Where combinations diverged or were drawn, those
    that converged are fitted by `main_effects`, if they are enough. None if there are too few, or some were pruned.

    An effect is beyond noise if not all accuracies `may_be_equal`, and its sum of squares is larger than the largest of
    its kind (alone, or in pairs) that the accuracies' deviations have in 95 % of resamples. That the first
    hyperparameter mattered most is certain if it is beyond noise, and first in 95 % of resamples.

    Parameters
    ----------
    ranking : the candidates, in any order; accuracies are means over seeds
    resampled : (candidates, resamples), the same on resamples of the validation rows
    space : from which they were drawn; None: they are a grid
    """
    kept = [at for at, candidate in enumerate(ranking) if not candidate.diverged]
    converged = [ranking[at] for at in kept]
    values = {name: [getattr(one.combination, name) for one in converged] for name in AXES}
    values = {name: column for name, column in values.items() if len(set(column)) > 1}
    if any(one.pruned for one in ranking) or not values:
        return None
    observed = np.array([one.val_accuracy for one in converged])[:, None]
    samples = resampled[kept].astype(np.float64)
    # The accuracies as they are, on other rows, and how far these are off.
    y = np.concatenate([observed, samples, samples - observed], axis=1)
    ranges = {name: given for name, given in (space or {}).items() if isinstance(given, Range)}
    complete = not ranges and len(kept) == len(ranking) == prod(len(set(column)) for column in values.values())
    if complete:
        squares, fitting = analysis_of_variance(y, values), set(values)
    elif len(kept) < FEWEST:
        return None
    else:
        squares, fitting = main_effects(y, values, ranges)
    count, total = samples.shape[1], ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    shares = {
        name: np.divide(some, total, out=np.zeros_like(total), where=total > ROUNDING) for name, some in squares.items()
    }
    beyond: list[str] = []
    if not may_be_equal(y[:, 0], y[:, 1 + count :]):
        for kind in (list(values), [name for name in squares if SEPARATOR in name]):
            chance = np.max([np.zeros(count), *(squares[name][1 + count :] for name in kind)], axis=0)
            beyond += [name for name in kind if squares[name][0] > max(np.quantile(chance, LEVEL), ROUNDING)]
    first, *others = sorted(values, key=lambda name: -squares[name][0])
    resampled_shares = {name: some[1 : 1 + count] for name, some in shares.items()}
    leads = resampled_shares[first] > np.max([np.zeros(count), *(resampled_shares[other] for other in others)], axis=0)
    return Importance(
        method=EXACT if complete else FITTED,
        shares={name: float(some[0]) for name, some in shares.items()},
        intervals={name: interval(some) for name, some in resampled_shares.items()},
        beyond_noise=tuple(beyond),
        lead=float(leads.mean()),
        certain=first in beyond and first in fitting and bool(leads.mean() >= LEVEL),
    )


def analysis_of_variance(y: Floats, values: Mapping[str, Sequence[Any]]) -> dict[str, Floats]:
    """Each effect's sum of squares (R. A. Fisher, Statistical Methods, 1925).

    On a complete grid the main effects ȳ_i − ȳ, the interactions of pairs ȳ_ij − ȳ_i − ȳ_j + ȳ and what is left are
    orthogonal: their sums of squares add up to Σ(y − ȳ)².

    Parameters
    ----------
    y : (combinations, samples)
    values : of each hyperparameter, by combination
    """
    places = [np.unique(column, return_inverse=True)[1] for column in values.values()]
    rest = np.empty((*(max(place) + 1 for place in places), y.shape[1]))
    rest[tuple(places)] = y - y.mean(axis=0)
    axes, names, found = range(len(places)), list(values), {}
    for some in (*combinations(axes, 1), *combinations(axes, 2)):
        # What earlier effects took away has no mean left over these axes: the means are this effect alone.
        others = tuple(axis for axis in axes if axis not in some)
        effect = np.broadcast_to(rest.mean(axis=others, keepdims=True), rest.shape)
        rest = rest - effect
        found[SEPARATOR.join(names[axis] for axis in some)] = (effect**2).sum(axis=tuple(axes))
    if len(names) > 1:
        found[REST] = (rest**2).sum(axis=tuple(axes))
    return found


def main_effects(
    y: Floats, values: Mapping[str, Sequence[Any]], ranges: Collection[str]
) -> tuple[dict[str, Floats], set[str]]:
    """The sum of squares that each hyperparameter explains beside all others, and which an F test confirms.

    Least squares on indicators of values, and on t and t² of what was drawn from a range, t on the axis's scale
    (type II sums of squares; Yates, J. Am. Stat. Assoc. 29, 1934). They add up to Σ(y − ȳ)² only where the
    hyperparameters are balanced; "the rest" is what the fit leaves, interactions and all. The F tests, at 5 % for all
    hyperparameters together, ask whether other combinations, drawn likewise, would say the same.

    Parameters
    ----------
    y, values : as for `analysis_of_variance`
    ranges : the hyperparameters drawn from ranges
    """
    from scipy.special import fdtrc  # the F distribution's upper tail

    columns = {name: design(name, column, name in ranges) for name, column in values.items()}

    def residual(names: Iterable[str]) -> tuple[Floats, int]:
        X = np.column_stack([np.ones(len(y)), *(columns[name] for name in names)])
        coefficients, _, rank, _ = np.linalg.lstsq(X, y)
        return ((y - X @ coefficients) ** 2).sum(axis=0), len(y) - int(rank)

    left, freedom = residual(values)
    found, confirmed = {}, set()
    for name in values:
        without, more = residual(other for other in values if other != name)
        found[name] = np.maximum(without - left, 0.0)
        if more > freedom > 0 and left[0] > 0:
            F = found[name][0] / (more - freedom) / (left[0] / freedom)
            confirmed |= {name} if fdtrc(more - freedom, freedom, F) < (1 - LEVEL) / len(values) else set()
    return {**found, REST: left}, confirmed


def design(name: str, column: Sequence[Any], drawn: bool) -> Floats:
    """A hyperparameter's columns in a least-squares fit."""
    if not drawn:
        return np.array([[value == level for level in sorted(set(column))[1:]] for value in column], dtype=float)
    t = np.array(column, dtype=float)
    t = np.log(t) if AXES[name].scale == "log" else t
    t = (t - t.mean()) / np.ptp(t)
    return np.column_stack([t, t**2])
