"""Minibatch SGD with early stopping, as a generator of epochs: no files, no logging, no clock.

The whole state of a training lies in `State`; a training can be continued from any state it has yielded
and then goes on bit for bit as if it had never stopped.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock
from types import ModuleType
from typing import Literal, NamedTuple

import numpy as np
from cachetools import LRUCache, cached
from numpy.typing import DTypeLike, NDArray

from softmax import reference
from softmax.loss import Floats, Images, Labels, penalty

Engine = Literal["numba", "numpy"]
PERMUTATIONS = 100_000_000  # bytes of orders kept: drawing one takes 4 % of an epoch's time


class Metrics(NamedTuple):
    """What one epoch gave. Losses include the L2 term; accuracy is a fraction."""

    epoch: int  # counted from 1
    train_loss: float  # mean over the examples as they were visited
    val_loss: float  # NaN when training without validation rows, as is the next
    val_accuracy: float


class Parameters(NamedTuple):
    W: Floats  # (m, c), Fortran order: class-major in memory, as the kernel wants it
    b: Floats  # (c,)

    def copy(self) -> "Parameters":
        return Parameters(self.W.copy(order="F"), self.b.copy())


@dataclass
class State:
    """Training after some number of epochs."""

    last: Parameters
    best: Parameters  # of the epoch with the lowest validation loss; the last epoch's without validation
    mean: Parameters | None = None  # float64 average of all iterates so far, when averaging
    history: list[Metrics] = field(default_factory=list)
    best_epoch: int = 0  # the earliest one of lowest validation loss; 0 before the first
    diverged: bool = False  # a loss has stopped being finite

    @property
    def lowest(self) -> float:
        """The lowest validation loss so far; infinite before the first epoch."""
        return self.history[self.best_epoch - 1].val_loss if self.best_epoch else math.inf


def initial_parameters(features: int, classes: int, seed: int, dtype: DTypeLike = np.float32) -> Parameters:
    """W₀ ~ 0.01 · N(0, 1), b₀ = 0; the same for every combination of a sweep."""
    W = 0.01 * np.random.default_rng([seed, 0]).standard_normal((features, classes))
    return Parameters(np.asfortranarray(W, dtype=dtype), np.zeros(classes, dtype=dtype))


@cached(LRUCache(PERMUTATIONS, getsizeof=lambda order: order.nbytes), lock=Lock())
def permutation(seed: int, epoch: int, n: int) -> NDArray[np.unsignedinteger]:
    """The order of examples in one epoch (≥ 1), from (seed, epoch) alone: the same for every combination.

    In the smallest unsigned integers that hold it; not to be changed, for it is kept.
    """
    return np.random.default_rng([seed, epoch]).permutation(n).astype(np.min_scalar_type(n - 1))


def implementation(engine: Engine) -> ModuleType:
    """The module that has the engine's `sgd_epoch` and `evaluate`."""
    if engine == "numpy":
        return reference
    from softmax import kernels  # here, for Numba takes half a second, and not all who import this train

    return kernels


def train(
    images: Images,
    labels: Labels,
    rows: NDArray[np.int64],
    validation_rows: NDArray[np.int64] | None,
    *,
    classes: int,
    learning_rate: float,
    batch_size: int,
    alpha: float,
    max_epochs: int,
    patience: int | None = None,
    seed: int,
    average: bool = False,
    engine: Engine = "numba",
    dtype: DTypeLike = np.float32,
    state: State | None = None,
) -> Iterator[State]:
    """Train, yielding the state after each epoch (the same object each time: copy what must outlive it).

    Stops after `max_epochs`; after `patience` epochs without a new lowest validation loss; or when a loss
    is no longer finite (`State.diverged`).

    Parameters
    ----------
    images : (n, m) array, floating, or uint8 grey levels, normalised as they are read
    labels : (n,) integers in 0 … classes − 1
    rows, validation_rows : row indices to train and to validate on; no validation: no early stopping
    average : validate and return the mean of all iterates since the start instead of the last one
        (Polyak & Juditsky 1992, doi:10.1137/0330046)
    engine : "numba" (compiled, float32) or "numpy" (the readable reference, any dtype)
    state : continue from here; None starts from `initial_parameters`
    """
    module = implementation(engine)
    sgd_epoch, evaluate = module.sgd_epoch, module.evaluate
    if state is None:
        start = initial_parameters(images.shape[1], classes, seed, dtype)
        zeros = Parameters(np.zeros_like(start.W, np.float64), np.zeros_like(start.b, np.float64))
        state = State(start, start.copy(), zeros if average else None)
    steps = math.ceil(len(rows) / batch_size)
    while not finished(state, max_epochs, patience):
        epoch = len(state.history) + 1
        order = rows[permutation(seed, epoch, len(rows))]
        if state.mean is None:
            data_loss = sgd_epoch(*state.last, images, labels, order, batch_size, learning_rate, alpha)
            current = state.last
        else:
            W_sum, b_sum = np.zeros_like(state.mean.W), np.zeros_like(state.mean.b)
            data_loss = sgd_epoch(*state.last, images, labels, order, batch_size, learning_rate, alpha, W_sum, b_sum)
            W_mean, b_mean = state.mean
            W_mean += (W_sum / steps - W_mean) / epoch
            b_mean += (b_sum / steps - b_mean) / epoch
            current = Parameters(W_mean.astype(dtype, order="F"), b_mean.astype(dtype))
        regularizer = penalty(current.W, alpha)
        train_loss, val_loss, val_accuracy = data_loss + regularizer, math.nan, math.nan
        if validation_rows is not None:
            total_loss, correct = evaluate(*current, images, labels, validation_rows)
            val_loss = total_loss / len(validation_rows) + regularizer
            val_accuracy = correct / len(validation_rows)
        state.history.append(Metrics(epoch, train_loss, val_loss, val_accuracy))
        if validation_rows is None or val_loss < state.lowest:
            state.best, state.best_epoch = current.copy(), epoch
        judged = train_loss if validation_rows is None else train_loss + val_loss
        state.diverged = not math.isfinite(judged)
        yield state


def finished(state: State, max_epochs: int, patience: int | None) -> bool:
    epochs = len(state.history)
    waited = epochs - state.best_epoch
    return epochs >= max_epochs or state.diverged or (patience is not None and waited >= patience)
