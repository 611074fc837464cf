"""Words that sentences about a sweep are made of."""

from collections.abc import Sequence

from experiment.axes import AXES


def label(name: str) -> str:
    """Return what a hyperparameter is called in pictures."""
    return AXES[name].label


def capital(text: str) -> str:
    """Return a text as it begins a sentence; a symbol stays as it is."""
    return text[:1].upper() + text[1:] if text.isascii() else text


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return "a, b and c"."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
