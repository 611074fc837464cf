"""`softmax.sgd.train` with the hyperparameters by name."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from softmax import sgd
from softmax.decay import Decay, decayed
from softmax.optimiser import SGD


def train(
    *data: Any,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    decay: Decay = "none",
    horizon: int | None = None,
    **how: Any,
) -> Iterator[sgd.State]:
    rate = partial(decayed, learning_rate, decay, horizon=horizon or how["max_epochs"])
    return sgd.train(*data, rate=rate, optimiser=SGD(momentum, nesterov), **how)
