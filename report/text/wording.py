"""Building blocks of sentences about a sweep."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from experiment.axes import AXES
from experiment.metrics import METRICS, MetricName
from experiment.results.evaluation import Importance
from experiment.results.split import Judge
from experiment.values import text
from report.importance import FITTED, REST

LISTED = 8  # values in a sentence


def label(name: str) -> str:
    """The name of a hyperparameter in pictures."""
    return AXES[name].label


def capitalized(text: str) -> str:
    """The text at the beginning of a sentence; symbols are unchanged."""
    return text[:1].upper() + text[1:] if text[:1].isascii() else text


def count(number: int, noun: str) -> str:
    """ "1 row", "12,000 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """The words as "a, b and c"."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def listed_values(values: Collection[Any], last: str = "and") -> str:
    """Values of a hyperparameter as a list; many values as their extremes and their number."""
    if len(values) > LISTED:
        return f"{text(min(values))} … {text(max(values))} ({len(values):,} values)"
    return listed([text(value) for value in values], last)


def nats(loss: float) -> str:
    """A cross-entropy, to four decimals unless it is huge."""
    return f"{loss:.4f}" if loss < 10_000 else f"{loss:.3g}"


def difference_form(select_by: MetricName) -> tuple[float, str, str]:
    """How a difference in a metric is shown: its factor, its format and its unit. Fractions are shown in points."""
    return (100, ".2f", " points") if METRICS[select_by].fraction else (1, ".4f", "")


def means_over(seeds: int, judge: Judge) -> str:
    """The trainings that the metrics are means over; "" for one."""
    folds = (f"{judge.repeats} × " if judge.repeats > 1 else "") + f"{judge.folds} folds"
    return listed([*([folds] if judge.folds > 1 else []), *([f"{seeds} seeds"] if seeds > 1 else [])])


def noise_in_words(near: int, others: int, every: int, judge: Judge, select_by: MetricName) -> str:
    """How many of the combinations compared with the best may be as good.

    `near`, `others`, `every` : numbers of combinations besides the best: that may be as good, compared, in total
    """
    ended = " that trained to the end" if others < every else ""
    if others == 1:
        subject = f"the other combination{ended} {'is' if near else 'is not'}"
    elif near in (0, others):
        none, both = ("neither", "both") if others == 2 else ("none", f"all {others:,}")
        subject = f"{both} others{ended} are" if near else f"{none} of the {others:,} others{ended} is"
    else:
        subject = f"{near:,} of the {others:,} others{ended} {'is' if near == 1 else 'are'}"
    how = f"on the same {count(judge.rows, 'validation row')}"
    if judge.folds > 1:
        how = f"by a t test on {means_over(1, judge)}, corrected for what their training rows share"
    return f"{subject} within noise of the best in {METRICS[select_by].label} (95 %, all compared at once {how})"


def main_shares(importance: Importance) -> list[tuple[str, float]]:
    """The share of each single hyperparameter, largest first."""
    shares = [(name, importance.shares[name]) for name in AXES if name in importance.shares]
    return sorted(shares, key=lambda item: -item[1])


def percentages(importance: Importance) -> list[tuple[str, int]]:
    """The shares of single hyperparameters, largest first, and the rest, in integers that sum to 100.

    The largest remainders are rounded up. The rest of an analysis of variance is due to interactions ("together").
    """
    names, shares = map(list, zip(*main_shares(importance), strict=True))
    exact = 100 * np.maximum([*shares, 1 - sum(shares)], 0)
    rounded = exact.astype(int)
    rounded[np.argsort(rounded - exact, kind="stable")[: max(100 - rounded.sum(), 0)]] += 1
    return list(zip([*names, REST if importance.method == FITTED else "together"], rounded.tolist(), strict=True))


def importance_in_words(importance: Importance | None, rows: int) -> str:
    """The shares and their intervals in one line."""
    if not importance:
        return "unknown: this needs every combination of the grid trained to its end, or enough that converged"
    if not any(importance.shares.values()):
        return "nothing: all combinations are equally accurate"
    shares = []
    for name, percent in percentages(importance):
        ends = importance.intervals[name] if name in AXES else ()  # the rest has none
        interval = f" ({'–'.join(f'{100 * end:.0f}' for end in ends)})" if ends else ""
        shares.append(f"{name.replace('_', ' ')} {percent}%{interval}")
    over = f"of the variance, by {importance.method}; 95 % on resamples of the {count(rows, 'validation row')}"
    return f"{'' if importance.certain else 'uncertain: '}{', '.join(shares)} ({over})"
