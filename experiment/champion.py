"""Which model is the champion: a rule on the test rows that two models were both asked."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.resampling import LEVEL

Correct = NDArray[np.bool_]  # (n,), whether each test row was classified correctly


class Paired(NamedTuple):
    """The accuracy of a second model minus that of a first, on the same n rows."""

    difference: float
    interval: tuple[float, float]  # 95 %, by the normal approximation for paired proportions
    p: float  # two-sided, exact (McNemar's test): of equal models that differ on as many rows
    only_first: int  # rows that only the first has right
    only_second: int
    rows: int

    def __str__(self) -> str:
        low, high = (100 * end for end in self.interval)
        return (
            f"{100 * self.difference:+.2f} points (95 % interval {low:+.2f} to {high:+.2f}, p = {self.p:.2g}): of the "
            f"{self.rows} test rows it alone is right on {self.only_second}, the other alone on {self.only_first}"
        )


def paired(first: Correct, second: Correct) -> Paired:
    """Compare two models on the same rows."""
    from scipy.special import bdtr  # the binomial distribution

    lost, won = int((first & ~second).sum()), int((second & ~first).sum())
    n, differing, difference = len(first), lost + won, (won - lost) / len(first)
    error = math.sqrt(max(differing - (won - lost) ** 2 / n, 0)) / n
    interval = (difference - 1.96 * error, difference + 1.96 * error)
    p = min(1.0, 2 * float(bdtr(min(lost, won), differing, 0.5)))
    return Paired(difference, interval, p, lost, won, n)


class Decision(NamedTuple):
    promoted: bool
    why: str
    new: bool = True  # it says something that the champion's own figures do not


def decide(champion: Correct | None, challenger: Correct, same_data: bool) -> Decision:
    """Whether the challenger becomes champion by the rule.

    It does if there is no champion, if the data are others, or if it is better on the same test rows beyond noise
    (p < 5 %).
    """
    if champion is None:
        return Decision(True, "the first", new=False)
    if not same_data:
        return Decision(True, "the data changed")
    if (champion == challenger).all():
        return Decision(False, "right in the same test rows as the champion", new=False)
    compared = paired(champion, challenger)
    better = compared.difference > 0 and compared.p < 1 - LEVEL
    return Decision(better, f"{'' if better else 'not '}better beyond noise: {compared}")


def by_person(approved: bool, rule: Decision) -> Decision:
    """A person's decision in place of the rule's."""
    return Decision(approved, f"{'approved' if approved else 'declined'} by a person ({rule.why})")
