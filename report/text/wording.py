"""Words that sentences about a sweep are made of."""

from collections.abc import Collection, Sequence
from typing import Any

from experiment.axes import AXES
from experiment.metrics import METRICS, MetricName
from experiment.summary import Importance
from experiment.values import text
from report.importance import FITTED, REST

NAMED = 8  # values in a sentence: more are a table


def label(name: str) -> str:
    """Return what a hyperparameter is called in pictures."""
    return AXES[name].label


def capital(text: str) -> str:
    """A text as it begins a sentence; a symbol stays as it is."""
    return text[:1].upper() + text[1:] if text[:1].isascii() else text


def count(number: int, noun: str) -> str:
    """ "1 row", "12,000 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return "a, b and c"."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def listed_values(of: Collection[Any], last: str = "and") -> str:
    """Values of a hyperparameter as they are listed; of many the ends, and how many they are."""
    if len(of) > NAMED:
        return f"{text(min(of))} … {text(max(of))} ({len(of):,} values)"
    return listed([text(value) for value in of], last)


def standing(near: int, others: int, every: int, rows: int, select_by: MetricName) -> str:
    """Say how many of those that were compared with the best may be as good.

    Parameters
    ----------
    near, others, every : combinations beside the best: that may be as good, that were compared, that there are
    """
    ended = " that came to an end" if others < every else ""
    if others == 1:
        said = f"the other combination{ended} {'is' if near else 'is not'}"
    elif near in (0, others):
        none, both = ("neither", "both") if others == 2 else ("none", f"all {others:,}")
        said = f"{both} others{ended} are" if near else f"{none} of the {others:,} others{ended} is"
    else:
        said = f"{near:,} of the {others:,} others{ended} {'is' if near == 1 else 'are'}"
    return (
        f"{said} within noise of the best in {METRICS[select_by].label} "
        f"(95 %, all compared at once on the same {count(rows, 'validation row')})"
    )


def alone(importance: Importance) -> list[tuple[str, float]]:
    """The share of each hyperparameter alone, largest first."""
    shares = [(name, importance.shares[name]) for name in AXES if name in importance.shares]
    return sorted(shares, key=lambda item: -item[1])


def whole_per_cents(importance: Importance) -> list[tuple[str, int]]:
    """The shares alone, largest first, and what is left ("together") in whole per cents that sum to 100.

    Those with the largest remainders are rounded up. Of a fit what is left is not only due to combinations of them.
    """
    parts = alone(importance)
    rest = REST if importance.method == FITTED else "together"
    parts.append((rest, 1 - sum(share for _, share in parts)))
    exact = [100 * max(share, 0.0) for _, share in parts]
    whole = [int(value) for value in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: whole[i] - exact[i])
    for i in by_remainder[: max(100 - sum(whole), 0)]:
        whole[i] += 1
    return [(name, percent) for (name, _), percent in zip(parts, whole, strict=True)]


def importance_in_words(importance: Importance | None, rows: int) -> str:
    """Return what mattered in one line."""
    if not importance:
        return "no figure: it needs every combination of the grid at its end, or ten that converged"
    if not any(importance.shares.values()):
        return "nothing: all combinations are equally accurate"
    shares = ", ".join(
        f"{name.replace('_', ' ')} {percent}%{interval(importance, name)}"
        for name, percent in whole_per_cents(importance)
    )
    over = f"of the variance, by {importance.method}; 95 % on resamples of the {count(rows, 'validation row')}"
    unsure = "" if importance.certain else "cannot be told from noise: "
    return f"{unsure}{shares} ({over})"


def interval(importance: Importance, name: str) -> str:
    if name not in AXES:  # of what is left there is none
        return ""
    low, high = importance.intervals[name]
    return f" ({100 * low:.0f}–{100 * high:.0f})"
