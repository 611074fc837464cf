"""Building blocks of sentences about a sweep."""

from collections.abc import Collection, Sequence
from typing import Any

from experiment.axes import AXES
from experiment.metrics import METRICS, MetricName
from experiment.summary import Importance
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


def noise_in_words(near: int, others: int, every: int, rows: int, select_by: MetricName) -> str:
    """How many of the combinations compared with the best may be as good.

    Parameters
    ----------
    near, others, every : numbers of combinations besides the best: that may be as good, compared, in total
    """
    ended = " that trained to the end" if others < every else ""
    if others == 1:
        subject = f"the other combination{ended} {'is' if near else 'is not'}"
    elif near in (0, others):
        none, both = ("neither", "both") if others == 2 else ("none", f"all {others:,}")
        subject = f"{both} others{ended} are" if near else f"{none} of the {others:,} others{ended} is"
    else:
        subject = f"{near:,} of the {others:,} others{ended} {'is' if near == 1 else 'are'}"
    return (
        f"{subject} within noise of the best in {METRICS[select_by].label} "
        f"(95 %, all compared at once on the same {count(rows, 'validation row')})"
    )


def main_shares(importance: Importance) -> list[tuple[str, float]]:
    """The share of each single hyperparameter, largest first."""
    shares = [(name, importance.shares[name]) for name in AXES if name in importance.shares]
    return sorted(shares, key=lambda item: -item[1])


def percentages(importance: Importance) -> list[tuple[str, int]]:
    """The shares of single hyperparameters, largest first, and the rest, in integers that sum to 100.

    The largest remainders are rounded up. The rest of an analysis of variance is due to interactions ("together").
    """
    parts = main_shares(importance)
    rest = REST if importance.method == FITTED else "together"
    parts.append((rest, 1 - sum(share for _, share in parts)))
    exact = [100 * max(share, 0.0) for _, share in parts]
    rounded = [int(value) for value in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: rounded[i] - exact[i])
    for i in by_remainder[: max(100 - sum(rounded), 0)]:
        rounded[i] += 1
    return [(name, percent) for (name, _), percent in zip(parts, rounded, strict=True)]


def importance_in_words(importance: Importance | None, rows: int) -> str:
    """The shares and their intervals in one line."""
    if not importance:
        return "unknown: this needs every combination of the grid trained to its end, or ten that converged"
    if not any(importance.shares.values()):
        return "nothing: all combinations are equally accurate"
    shares = ", ".join(
        f"{name.replace('_', ' ')} {percent}%{interval(importance, name)}" for name, percent in percentages(importance)
    )
    over = f"of the variance, by {importance.method}; 95 % on resamples of the {count(rows, 'validation row')}"
    unsure = "" if importance.certain else "uncertain: "
    return f"{unsure}{shares} ({over})"


def interval(importance: Importance, name: str) -> str:
    if name not in AXES:  # the rest has no interval
        return ""
    low, high = importance.intervals[name]
    return f" ({100 * low:.0f}–{100 * high:.0f})"
