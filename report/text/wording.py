"""Words that sentences about a sweep are made of."""

from collections.abc import Collection, Sequence
from typing import Any

from experiment.axes import AXES
from experiment.values import text

NAMED = 8  # values in a sentence: more are a table


def label(name: str) -> str:
    """Return what a hyperparameter is called in pictures."""
    return AXES[name].label


def capital(text: str) -> str:
    """Return a text as it begins a sentence; a symbol stays as it is."""
    return text[:1].upper() + text[1:] if text.isascii() else text


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return "a, b and c"."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def listed_values(of: Collection[Any], last: str = "and") -> str:
    """Return values of a hyperparameter as they are listed; of many the ends, and how many they are."""
    if len(of) > NAMED:
        return f"{text(min(of))} … {text(max(of))} ({len(of):,} values)"
    return listed([text(value) for value in of], last)
