"""What mattered: in a grid an analysis of variance, among drawn combinations an estimate of one."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

from experiment.axes import AXES
from experiment.search.ranking import Candidate
from experiment.search.sampling import distribution, known, silent_study
from experiment.search.space import Range, Space

REST = "the rest"
ROUNDING = 1e-12  # accuracies closer together than this are equal
FEWEST = 10  # combinations that say something of what was not tried


def importance(ranking: Sequence[Candidate], space: Space | None = None) -> dict[str, float]:
    """Return the shares of the variance of validation accuracy; they sum to 1.

    Over a complete grid: of each hyperparameter with several values alone, of each pair of them together
    ("alpha × batch_size"), and of "the rest"; a single one has all. The shares depend on the values that the grid
    has. All are 0 where accuracies are constant; there are none ({}) where a combination is missing, has diverged or
    was pruned, for then the parts of the variance overlap. Of drawn combinations they are `estimated`, if those that
    converged are enough and none was pruned.

    Parameters
    ----------
    ranking : the candidates, in any order; accuracies are means over seeds
    space : from which they were drawn; None: they are a grid
    """
    varied = [name for name in AXES if len({getattr(candidate.combination, name) for candidate in ranking}) > 1]
    drawn = space and any(isinstance(values, Range) for values in space.values())
    grid = None if drawn else complete_grid(ranking, varied)
    if grid is not None:
        return shares(grid, varied)
    return {} if space is None else estimated(ranking, space)


def estimated(ranking: Sequence[Candidate], space: Space) -> dict[str, float]:
    """Return the share of each hyperparameter alone, and of "the rest", of the variance over the space.

    By fANOVA (Hutter, Hoos & Leyton-Brown, ICML 2014; Optuna's): a random forest is fitted to the combinations that
    converged, and its predictions, unlike these, cover the space evenly.
    """
    kept = [candidate for candidate in ranking if not candidate.diverged]
    varied = {
        name: distribution(name, values)
        for name, values in space.items()
        if len({getattr(candidate.combination, name) for candidate in kept}) > 1
    }
    if len(kept) < FEWEST or any(candidate.pruned for candidate in ranking) or not varied:
        return {}
    accuracies = [candidate.val_accuracy for candidate in kept]
    if np.ptp(accuracies) < ROUNDING:
        return dict.fromkeys([*varied, REST], 0.0)
    from optuna.importance import FanovaImportanceEvaluator

    study = silent_study()
    study.add_trials([known(space, varied, c.combination, c.val_accuracy) for c in kept])
    alone = FanovaImportanceEvaluator(seed=0).evaluate(study)
    found = {name: alone.get(name, 0.0) for name in varied}
    return found | {REST: max(1 - sum(found.values()), 0.0)}


def is_estimate(found: Mapping[str, float]) -> bool:
    """Return whether shares are `estimated`: then pairs have none of their own, and something is left."""
    return len(found) > 1 and not any(" × " in name for name in found)


def complete_grid(ranking: Sequence[Candidate], names: Sequence[str]) -> NDArray[np.float64] | None:
    """Return validation accuracies with one dimension for each of `names`; None where some are missing."""
    values = [sorted({getattr(c.combination, name) for c in ranking}) for name in names]
    if prod(map(len, values)) != len(ranking):
        return None
    places = [{level: at for at, level in enumerate(levels)} for levels in values]
    grid = np.full([len(levels) for levels in values], np.nan)
    for candidate in ranking:
        if not candidate.diverged and not candidate.pruned:
            place = tuple(at[getattr(candidate.combination, name)] for name, at in zip(names, places, strict=True))
            grid[place] = candidate.val_accuracy
    return None if np.isnan(grid).any() else grid


def shares(grid: NDArray[np.float64], names: Sequence[str]) -> dict[str, float]:
    """Return each effect's sum of squares over the total one (η²; R. A. Fisher, Statistical Methods, 1925).

    On a complete grid the main effects ȳ_i − ȳ, the interactions of pairs ȳ_ij − ȳ_i − ȳ_j + ȳ and what is left are
    orthogonal: their sums of squares add up to Σ(y − ȳ)².

    Parameters
    ----------
    grid : one dimension for each of `names`
    """
    total = float(((grid - grid.mean()) ** 2).sum())
    constant = np.ptp(grid) < ROUNDING
    rest, found = grid - grid.mean(), {}
    for some in (*combinations(range(grid.ndim), 1), *combinations(range(grid.ndim), 2)):
        # What earlier effects took away has no mean left over these axes: the means are this effect alone.
        others = tuple(axis for axis in range(grid.ndim) if axis not in some)
        effect = np.broadcast_to(rest.mean(axis=others, keepdims=True), grid.shape)
        rest = rest - effect
        found[" × ".join(names[axis] for axis in some)] = effect
    if grid.ndim != 1:
        found[REST] = rest
    return {name: 0.0 if constant else float((effect**2).sum() / total) for name, effect in found.items()}


def in_words(found: dict[str, float]) -> str:
    """Return the shares in one line that sums to 100 %: each hyperparameter alone, largest first, then "together"."""
    if not found:
        return f"no figure: it needs every combination of the grid, or {FEWEST} drawn ones, at its end"
    if not any(found.values()):
        return "nothing: all combinations are equally accurate"
    alone = sorted(((found[name], name) for name in AXES if name in found), reverse=True)
    parts = [(name.replace("_", " "), share) for share, name in alone]
    parts.append(("together", 1 - sum(share for share, _ in alone)))
    shown = [f"{name} {percent}%" for (name, _), percent in zip(parts, rounded(parts), strict=True)]
    over = "by fANOVA's estimate, over what was searched" if is_estimate(found) else "over this grid's values"
    return f"{', '.join(shown)} (of the variance {over})"


def rounded(parts: Sequence[tuple[str, float]]) -> list[int]:
    """Return whole per cents that sum to 100: those with the largest remainders are rounded up."""
    exact = [100 * max(share, 0.0) for _, share in parts]
    whole = [int(value) for value in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: whole[i] - exact[i])
    for i in by_remainder[: 100 - sum(whole)]:
        whole[i] += 1
    return whole
