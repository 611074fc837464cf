"""Time that trainings still need, estimated from their own learning curves and from similar trainings."""

import heapq
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.axes import Combination
from experiment.search.halving import survivors
from experiment.values import Frozen

FEWEST = 12  # epochs that a learning curve must have to be extrapolated
NOISE = 2.5  # a training stops when its recent progress is within this many standard deviations
POWER = 0.73  # epochs ∝ slowness ** POWER: measured on Fashion-MNIST, as are the constants below
ALPHA = 0.00045  # α from which on the penalty shortens a training noticeably
NEAR, OTHER = 0.3, 2.0  # distance of a training from itself; distance added by each other axis that differs
IN_SLOWNESS = {"learning_rate", "batch_size", "momentum", "alpha"}
OTHERS = sorted(Combination.model_fields.keys() - IN_SLOWNESS)
MOST_KNOWN = 200  # only the latest trainings are compared with


class Job(NamedTuple):
    """One training of a sweep."""

    combination: Combination
    seed: int
    fold: int | None = None  # its number, from 1; None: a single split

    def __str__(self) -> str:
        return f"{self.combination} seed={self.seed}" + ("" if self.fold is None else f" fold={self.fold}")


class Standing(Frozen):
    """Progress of one training."""

    combination: Combination
    seed: int
    fold: int | None = None
    epochs: int
    before: int  # epochs that were already done when it continued
    seconds: float  # for the epochs since then
    expected: int  # epochs at its end

    @property
    def tells_its_end(self) -> bool:
        """Whether it has ended, or its learning curve is long enough to be extrapolated."""
        return self.epochs >= min(FEWEST, self.expected)


def expected_epochs(losses: Sequence[float], patience: int, most: int) -> int:
    """The epoch at which a training will stop early, by its validation losses so far; at most `most`.

    Their model is a + b·e^−p, fitted to the epochs n/4, n/2 and n. A training ends when the fall over `patience` epochs
    is smaller than the noise, which is estimated from second differences.
    """
    loss, n = np.asarray(losses, np.float64), len(losses)
    if n < FEWEST or not np.isfinite(loss).all():
        return unknown(n, most)
    first, second = loss[n // 4 - 1] - loss[n // 2 - 1], loss[n // 2 - 1] - loss[-1]
    if second <= 0:
        return min(n + patience, most)
    p = max(math.log2(max(first / second, 1.0)), 0.05)
    b = second / ((n // 2) ** -p - n**-p)
    noise = 1.48 * np.median(np.abs(np.diff(loss[n // 2 :], 2))) / math.sqrt(6)  # var(x − 2y + z) = 6 var(x)
    epochs = np.arange(n, most)
    lost = np.flatnonzero(patience * b * p * epochs ** (-p - 1.0) < NOISE * noise)
    return min(most, int(epochs[lost[0]]) + patience) if len(lost) else most


def unknown(epochs: int, most: int) -> int:
    """Expected epochs of a training if only its epochs so far are known: their geometric mean with the maximum."""
    return math.ceil(math.sqrt(epochs * most))


def slowness(combination: Combination) -> float:
    """A quantity that the expected number of epochs grows with: small and rare steps are slow, a penalty is fast."""
    steps = combination.batch_size * (1 - combination.momentum) / combination.learning_rate
    return steps / math.pow(1 + combination.alpha / ALPHA, 0.7)


class Forecast(NamedTuple):
    """Forecast for the trainings of a rung, one element each."""

    expected: NDArray[np.float64]  # epochs at its end
    left: NDArray[np.float64]  # epochs still to train
    pace: NDArray[np.float64]  # seconds per epoch

    def seconds(self, workers: int) -> float:
        """Seconds until all have ended, if a free worker takes the longest that is left."""
        free = [0.0] * workers
        for seconds in sorted(self.left * self.pace, reverse=True):
            heapq.heapreplace(free, free[0] + seconds)
        return float(max(free))


def forecast(
    combinations: Sequence[Combination], known: Mapping[int, Standing], before: int, patience: int, most: int
) -> Forecast | None:
    """Forecast of the trainings; None while nothing is known.

    Unknown values are means of the known ones' logarithms, weighted by 1 / distance².

    Parameters
    ----------
    known : trainings that have begun, by position; `epochs` equals `expected` for those that have ended
    before : epochs that the other trainings have already done
    most : maximum epochs of each training in this rung
    """
    begun = [position for position, standing in known.items() if standing.epochs > standing.before]
    at = ([i for i in begun if known[i].tells_its_end] or begun)[-MOST_KNOWN:]
    if not at:
        return None
    slow = np.log([slowness(one) for one in combinations])
    others = [[str(getattr(one, name)) for one in combinations] for name in OTHERS]
    codes = np.array([np.unique(values, return_inverse=True)[1] for values in others])
    ratios = slow[:, None] - slow[at]
    distance = NEAR + np.abs(ratios) + OTHER * (codes[:, :, None] != codes[:, at][:, None]).sum(axis=0)
    weights = distance**-2 / (distance**-2).sum(axis=1, keepdims=True)
    ends = np.array([max(known[i].expected - patience, 1) for i in at])
    expected = patience + np.exp((weights * (np.log(ends) + POWER * ratios)).sum(axis=1))
    pace = np.exp((weights * np.log([(s := known[i]).seconds / (s.epochs - s.before) for i in at])).sum(axis=1))
    epochs = np.full(len(combinations), float(before))
    for i, standing in known.items():
        epochs[i] = standing.epochs
        if standing.tells_its_end or i in at:
            expected[i] = standing.expected
    return Forecast(expected, np.maximum(np.minimum(expected, most) - epochs, 0), pace)


def halved_epochs(
    candidates: int, rungs: Sequence[int | None], halving: int | None, expected: float, before: int = 0
) -> float:
    """Total epochs of the candidates through the rungs, if each needs `expected` epochs to its end."""
    total, stood = 0.0, float(before)
    for rung in rungs:
        until = expected if rung is None else min(rung, expected)
        total += candidates * max(until - stood, 0)
        stood, candidates = max(until, stood), survivors(candidates, halving or 1)
    return total
