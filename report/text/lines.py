"""Sentences about the lines of the parallel coordinates.

Tables are leaderboards. Samples are the accuracies on resamples of the validation rows, (combinations, resamples).
"""

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiment.resampling import LEVEL
from experiment.results.evaluation import Importance
from experiment.search.comparison import may_be_best
from experiment.values import text
from report.importance import SEPARATOR
from report.text.wording import capitalized, label, listed, listed_values, main_shares

Samples = NDArray[np.floating]
TOP = 10  # lines in the right half of the picture


def by_value(converged: pd.DataFrame, name: str) -> str:
    """The median accuracies of the lines through each value of a hyperparameter."""
    medians = converged.groupby(name)["val_accuracy"].median()
    if len(medians) > 6:
        return (
            f"In the picture half of the lines through {label(name)} {text(medians.idxmax())} end at or above "
            f"{medians.max():.2%}, half of those through {text(medians.idxmin())} at or below {medians.min():.2%}."
        )
    (first, median), *others = medians.items()
    ends = [f"{median:.2%}", *(f"those through {text(value)} at {median:.2%}" for value, median in others)]
    return f"In the picture the lines through {label(name)} {text(first)} end in the median at {listed(ends)}."


def by_tercile(converged: pd.DataFrame, name: str) -> str:
    """The same for a hyperparameter that was drawn from a range, by terciles of the values tried."""
    ordered = converged.sort_values(name)
    cuts = [round(len(ordered) * third / 3) for third in range(4)]
    ends = [
        f"{third[name].iloc[0]:g} to {third[name].iloc[-1]:g} at {third['val_accuracy'].median():.2%}"
        for third in (ordered.iloc[start:end] for start, end in pairwise(cuts))
    ]
    return f"In the picture the lines, by thirds of {label(name)}, end in the median: {listed(ends)}."


def observations(converged: pd.DataFrame, samples: Samples, varied: Sequence[str], importance: Importance) -> list[str]:
    """Observations beyond the table: bundles, crossings, common values. The lines of `varied` meet in values."""
    leading = main_shares(importance)[0][0]
    sentences = [
        bundles(converged, samples, leading) if importance.certain and leading in varied else "",
        crossing(converged, samples, varied, importance),
        common_values(converged, samples, varied),
    ]
    sentences = [sentence for sentence in sentences if sentence]
    return ["The picture shows what a table does not.", *sentences] if sentences else []


def sure(holds: NDArray[np.bool_]) -> bool:
    """Whether a statement holds in enough of the resamples."""
    return bool(holds.mean() >= LEVEL)


def bundles(converged: pd.DataFrame, samples: Samples, name: str) -> str:
    """Whether the best value of a hyperparameter separates the lines."""
    values, accuracy = converged[name].to_numpy(), converged["val_accuracy"].to_numpy()
    near = set(values[may_be_best(accuracy, samples)])
    if len(near) > 1 or len(values) == len(set(values)):
        return ""
    (best,) = near
    lowest = samples[values == best].min(axis=0)
    if sure(lowest > samples[values != best].max(axis=0)):
        return (
            f"The bundle of lines through {label(name)} {text(best)} ends above all others: no choice of the other "
            "hyperparameters compensates for another value."
        )
    overlapping = [value for value in sorted(set(values) - near) if sure(samples[values == value].max(axis=0) > lowest)]
    if not overlapping:
        return ""
    those = f"{'that' if len(overlapping) == 1 else 'those'} through {listed_values(overlapping)}"
    return (
        f"The bundle through {label(name)} {text(best)} reaches highest but overlaps with {those}: a bad choice of the "
        "other hyperparameters costs more than this value gains."
    )


def crossing(converged: pd.DataFrame, samples: Samples, varied: Sequence[str], importance: Importance) -> str:
    """The pair of hyperparameters with the largest interaction, and the values where its lines cross."""
    pairs = [pair for pair in combinations(varied, 2) if SEPARATOR.join(pair) in importance.beyond_noise]
    if not pairs:
        return ""
    first, second = max(pairs, key=lambda pair: importance.shares[SEPARATOR.join(pair)])
    values, others = (sorted(converged[name].unique()) for name in (first, second))
    # Axes: values of the second, values of the first, resamples. With an interaction, it is a complete grid.
    by_pair = pd.DataFrame(samples).groupby([converged[second].to_numpy(), converged[first].to_numpy()])
    means = by_pair.mean().to_numpy().reshape(len(others), len(values), -1)
    runner_up, most = np.sort(means, axis=1)[:, -2:].transpose(1, 0, 2)
    ahead = (means.argmax(axis=1)[:, None] == np.arange(len(values))[:, None]) & (most > runner_up)[:, None]
    best = ahead.mean(axis=2).argmax(axis=1)  # by value of the second: most often the best
    holds = ahead[np.arange(len(others)), best]
    together = (
        f"{capitalized(label(first))} and {label(second)} act together "
        f"({importance.shares[SEPARATOR.join((first, second))]:.0%} of the variance)"
    )
    if len(set(best)) == 1 and sure(holds.all(axis=0)):
        on_top = f"{label(first)} {text(values[best[0]])}"
        return f"{together}, though {on_top} is best on average whatever the {label(second)}."
    for low, high in combinations(range(len(others)), 2):
        if best[low] != best[high] and sure(holds[low] & holds[high]):
            return (
                f"{together}: lines cross, for on average {label(first)} {text(values[best[low]])} is best with "
                f"{label(second)} {text(others[low])}, and {text(values[best[high]])} with {text(others[high])}."
            )
    return f"{together}."


def common_values(converged: pd.DataFrame, samples: Samples, varied: Sequence[str]) -> str:
    """The values that all of the best lines share, and the axes on which they spread."""
    if len(converged) <= TOP:
        return ""
    best, tenth = converged.head(TOP), np.sort(samples, axis=0)[-TOP]
    several = [name for name in varied if converged[name].nunique() > 1]
    same = [
        f"{label(name)} {text(best[name].iloc[0])}"
        for name in several
        if best[name].nunique() == 1 and sure(samples[converged[name] != best[name].iloc[0]].max(axis=0) < tenth)
    ]
    wide = [label(name) for name in several if set(best[name]) == set(converged[name])]
    spread = f" and spread over every value of {listed(wide)}" if wide else ""
    return f"The best {TOP} all go through {listed(same)}{spread}." if same else ""
