"""What mattered in the grid: an analysis of variance."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from experiment.axes import AXES
from experiment.ranking import Candidate

REST = "the rest"
ROUNDING = 1e-12  # accuracies closer together than this are equal


def importance(ranking: Sequence[Candidate]) -> dict[str, float]:
    """Return the shares of the variance of validation accuracy over a complete grid; they sum to 1.

    Of each hyperparameter with several values alone, of each pair of them together ("alpha × batch_size"), and of "the
    rest". The shares depend on the values that the grid has. All are 0 where accuracies are constant; there are none
    ({}) where a combination is missing, has diverged or was pruned, for then the parts of the variance overlap.

    Parameters
    ----------
    ranking : the candidates, in any order; accuracies are means over seeds
    """
    varied = [name for name in AXES if len({getattr(candidate.combination, name) for candidate in ranking}) > 1]
    grid = complete_grid(ranking, varied)
    return {} if grid is None else shares(grid, varied)


def complete_grid(ranking: Sequence[Candidate], names: Sequence[str]) -> NDArray[np.float64] | None:
    """Return validation accuracies with one dimension for each of `names`; None where some are missing."""
    values = {name: sorted({getattr(c.combination, name) for c in ranking}) for name in names}
    grid = np.full([len(levels) for levels in values.values()], np.nan)
    for candidate in ranking:
        if not candidate.diverged and not candidate.pruned:
            place = tuple(levels.index(getattr(candidate.combination, name)) for name, levels in values.items())
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
    found[REST] = rest
    return {name: 0.0 if constant else float((effect**2).sum() / total) for name, effect in found.items()}


def in_words(found: dict[str, float]) -> str:
    """Return the shares in one line that sums to 100 %: each hyperparameter alone, largest first, then "together"."""
    if not found:
        return "no figure: an analysis of variance needs every combination of the grid at its end"
    if not any(found.values()):
        return "nothing: all combinations are equally accurate"
    alone = sorted(((found[name], name) for name in AXES if name in found), reverse=True)
    parts = [(name.replace("_", " "), share) for share, name in alone]
    parts.append(("together", 1 - sum(share for share, _ in alone)))
    shown = [f"{name} {percent}%" for (name, _), percent in zip(parts, rounded(parts), strict=True)]
    return f"{', '.join(shown)} (of the variance over this grid's values)"


def rounded(parts: Sequence[tuple[str, float]]) -> list[int]:
    """Return whole per cents that sum to 100: those with the largest remainders are rounded up."""
    exact = [100 * max(share, 0.0) for _, share in parts]
    whole = [int(value) for value in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: whole[i] - exact[i])
    for i in by_remainder[: 100 - sum(whole)]:
        whole[i] += 1
    return whole
