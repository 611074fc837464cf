"""Successive halving: which combinations continue, and for how many epochs.

All candidates train for a few epochs. The best of them continue for more epochs, and so on, until one is left, which
trains to its end (Jamieson & Talwalkar, AISTATS 2016; the inner loop of Hyperband).
"""

import math
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def rungs(candidates: int, halving: int | None, first: int, most: int) -> tuple[int | None, ...]:
    """The epochs after which candidates are selected, and None for the last rung, which trains to the end.

    `candidates`: the number of candidates on the first rung;
    `halving`: η: the best 1/η continue for η times as many epochs; None: all train to their end;
    `first`: epochs of the first rung; `most`: largest number of epochs of a training.
    """
    epochs: list[int | None] = []
    while halving and candidates > 1 and first < most:
        epochs.append(first)
        candidates, first = survivors(candidates, halving), first * halving
    return (*epochs, None)


def survivors(candidates: int, halving: int) -> int:
    """The number of candidates of a rung that continue: ⌈n/η⌉."""
    return math.ceil(candidates / halving)


def promoted(candidates: Sequence[T], ranking: Sequence[T], halving: int) -> list[T]:
    """The candidates of a rung that continue, in their own order; `ranking` has the same ones, best first."""
    best = set(ranking[: survivors(len(ranking), halving)])
    return [candidate for candidate in candidates if candidate in best]
