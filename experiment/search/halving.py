"""Successive halving: which combinations go on, and how far.

All candidates train a few epochs, the best go on from where they stand for more of them, and so on, until one is left,
which trains to its end (Jamieson & Talwalkar, AISTATS 2016; Hyperband's inner loop).
"""

import math
from collections.abc import Sequence


def rungs(candidates: int, halving: int | None, first: int, most: int) -> tuple[int | None, ...]:
    """Return the epochs after which candidates are judged, and None for the last rung, which goes to the end.

    Parameters
    ----------
    candidates : how many begin
    halving : η: the best 1/η go on, for η times as many epochs; None: all train to their end
    first : epochs of the first rung
    most : epochs that a training has at most
    """
    found: list[int | None] = []
    while halving and candidates > 1 and first < most:
        found.append(first)
        candidates, first = survivors(candidates, halving), first * halving
    return (*found, None)


def survivors(candidates: int, halving: int) -> int:
    """Return how many of the candidates of a rung go on: ⌈n/η⌉."""
    return math.ceil(candidates / halving)


def promoted(order: Sequence[int], halving: int) -> list[int]:
    """Return which candidates go on, by position and in their own order.

    Parameters
    ----------
    order : the positions of a rung's candidates, best first
    """
    return sorted(order[: survivors(len(order), halving)])
