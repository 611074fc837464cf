"""How long trainings will still take: by their own learning curves, and by what is known of similar ones."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.axes import Combination
from experiment.search.halving import survivors
from experiment.values import Frozen

FEWEST = 12  # epochs that a learning curve must have to be extrapolated
NOISE = 2.5  # as many standard deviations hide the progress of the last epochs, and the training stops
POWER = 0.73  # epochs grow so with slowness: measured on Fashion-MNIST, as is the next
NEAR, OTHER = 0.3, 2.0  # distance of a training from itself, and of two that differ in one axis that is no step size
OTHERS = sorted(Combination.model_fields.keys() - {"learning_rate", "batch_size", "momentum"})  # those of slowness
MOST_KNOWN = 200  # trainings that others are compared with: the latest


class Standing(Frozen):
    """How far a training is."""

    combination: Combination
    seed: int
    epochs: int
    before: int  # of them, those that it had when it went on
    seconds: float  # that the others took
    expected: int  # epochs at its end


def expected_epochs(losses: Sequence[float], patience: int, most: int) -> int:
    """The epoch at which a training will stop early, by its validation losses so far; at most `most`.

    They fall as a + b·e^−p, fitted to the epochs n/4, n/2 and n. The end comes when the fall over `patience` epochs is
    lost in the noise, which the second differences show.
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
    """Epochs to expect of a training that has had some, if nothing else is known: their scale is unknown as well."""
    return math.ceil(math.sqrt(epochs * most))


def slowness(combination: Combination) -> float:
    """What grows with the number of epochs to expect: small steps, taken seldom."""
    return combination.batch_size * (1 - combination.momentum) / combination.learning_rate


class Forecast(NamedTuple):
    """Of the trainings of a rung."""

    expected: NDArray[np.float64]  # epochs of each at its end
    left: NDArray[np.float64]  # epochs that each is still to train
    pace: NDArray[np.float64]  # seconds an epoch of each

    def seconds(self, workers: int) -> float:
        """Until all have ended: no sooner than the longest of them."""
        each = self.left * self.pace
        return float(max(each.sum() / workers, each.max(initial=0)))


def forecast(
    combinations: Sequence[Combination], known: Mapping[int, Standing], before: int, patience: int, most: int
) -> Forecast | None:
    """How far the trainings will go; None while nothing is known.

    What is not known of one is the mean over those that are, in logarithms, by 1 / distance².

    Parameters
    ----------
    known : of those that have begun, by position: `epochs` is `expected` for those that have ended
    before : epochs that the others have behind them
    most : epochs that each trains at most, for now
    """
    at = [position for position, standing in known.items() if standing.epochs > standing.before][-MOST_KNOWN:]
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
        expected[i], epochs[i] = standing.expected, standing.epochs
    return Forecast(expected, np.maximum(np.minimum(expected, most) - epochs, 0), pace)


def halved_epochs(
    candidates: int, rungs: Sequence[int | None], halving: int | None, expected: float, before: int = 0
) -> float:
    """Epochs of so many candidates through some rungs, if each to its end would take `expected`."""
    total, stood = 0.0, float(before)
    for rung in rungs:
        until = expected if rung is None else min(rung, expected)
        total += candidates * max(until - stood, 0)
        stood, candidates = max(until, stood), survivors(candidates, halving or 1)
    return total
