"""Minibatch SGD with early stopping, as a generator of epochs: no files, no logging, no clock.

`State` is the whole state of a training. A training can be resumed from any state that it has yielded, with results
that are equal bit for bit.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from types import ModuleType
from typing import Literal, NamedTuple

import numpy as np
from cachetools import LRUCache, cached
from numpy.typing import DTypeLike, NDArray

from softmax import reference
from softmax.loss import Floats, Images, Labels, penalty
from softmax.optimiser import SGD, Adam, Optimiser

Engine = Literal["numba", "numpy"]
PART = 2**31  # multiply–adds between two checks of `stop`: 0.05 to 0.5 s, and more than an epoch of Fashion-MNIST
STEP, ROW = 2**18, 2**9  # lower bounds of the cost of a step and of a row, in multiply–adds
PERMUTATIONS = 100_000_000  # bytes of cached permutations: drawing one takes 4 % of an epoch's time


class Metrics(NamedTuple):
    """Metrics of one epoch. Losses include the L2 term; accuracy is a fraction."""

    epoch: int  # counted from 1
    train_loss: float  # mean over the examples, each before its own step
    val_loss: float  # NaN without validation rows
    val_accuracy: float  # NaN without validation rows
    val_cross_entropy: float  # without the L2 term, comparable between α; NaN without validation rows


class Parameters(NamedTuple):
    W: Floats  # (m, c), in Fortran order for the kernel
    b: Floats  # (c,)

    def copy(self) -> "Parameters":
        return Parameters(self.W.copy(order="F"), self.b.copy())


@dataclass
class State:
    """The state of a training after an epoch."""

    last: Parameters
    best: Parameters  # of the epoch with the lowest validation loss; without early stopping of the last finite one
    mean: Parameters | None = None  # float64 average of all iterates, when averaging
    moments: tuple[Parameters, ...] = ()  # the optimiser's state
    history: list[Metrics] = field(default_factory=list)
    best_epoch: int = 0  # counted from 1; 0 before the first epoch
    diverged: bool = False  # a loss is not finite

    @property
    def lowest(self) -> float:
        """The validation loss of the best epoch; infinite before the first epoch."""
        return self.history[self.best_epoch - 1].val_loss if self.best_epoch else math.inf


def initial_parameters(features: int, classes: int, seed: int, dtype: DTypeLike = np.float32) -> Parameters:
    """W₀ ~ 0.01 · N(0, 1), b₀ = 0; the same for every combination of a sweep."""
    W = 0.01 * np.random.default_rng([seed, 0]).standard_normal((features, classes))
    return Parameters(np.asfortranarray(W, dtype=dtype), np.zeros(classes, dtype=dtype))


@cached(LRUCache(PERMUTATIONS, getsizeof=lambda order: order.nbytes), lock=Lock())
def permutation(seed: int, epoch: int, n: int) -> NDArray[np.unsignedinteger]:
    """The order of examples in an epoch (≥ 1), determined by (seed, epoch): the same for every combination.

    The dtype is the smallest sufficient unsigned integer. The array is cached: do not change it.
    """
    return np.random.default_rng([seed, epoch]).permutation(n).astype(np.min_scalar_type(n - 1))


def implementation(engine: Engine) -> ModuleType:
    """The module with the `sgd_epoch` and `evaluate` of an engine."""
    if engine == "numpy":
        return reference
    from softmax import kernels  # imported here: Numba takes half a second

    return kernels


def epoch_of(engine: Engine, optimiser: Optimiser) -> Callable[..., float]:
    """`sgd_epoch` with its optimiser bound: the compiled one supports SGD and Adam only."""
    module = implementation(engine) if isinstance(optimiser, SGD | Adam) else reference
    return partial(module.sgd_epoch, optimiser=optimiser)


def train(
    images: Images,
    labels: Labels,
    rows: NDArray[np.int64],
    validation_rows: NDArray[np.int64] | None,
    *,
    classes: int,
    rate: Callable[[int], float],
    batch_size: int,
    alpha: float,
    optimiser: Optimiser = SGD(),  # noqa: B008 - frozen
    max_epochs: int,
    patience: int | None = None,
    seed: int,
    average: bool = False,
    engine: Engine = "numba",
    dtype: DTypeLike = np.float32,
    state: State | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[State]:
    """Train, yielding the state after each epoch (always the same object: copy what must outlive it).

    Training stops after `max_epochs`; after `patience` epochs without a new lowest validation loss; when a loss is not
    finite (`State.diverged`); or when `stop` returns true.

    Parameters
    ----------
    images : (n, m) array, floating, or uint8 grey levels
    labels : (n,) integers in 0 … classes − 1
    rows, validation_rows : row indices for training and validation
    patience : None, or no validation rows: no early stopping, and the last epoch is the best
    rate : the learning rate by epoch, counted from 1 (`softmax.decay`)
    average : validate and return the mean of all iterates instead of the last one
        (Polyak & Juditsky 1992, doi:10.1137/0330046)
    engine : "numba" (compiled, float32) or "numpy" (the reference, any dtype)
    state : the state to resume from; None starts from `initial_parameters`
    stop : called before an epoch and, in long ones, several times a second; if it returns true, the state remains that
        of the last complete epoch
    """
    module = implementation(engine)
    run_epoch, evaluate = epoch_of(engine, optimiser), module.evaluate
    # On small data, creating views of memory maps would take a large part of an epoch.
    images, labels, rows = images.view(np.ndarray), labels.view(np.ndarray), rows.view(np.ndarray)
    validation_rows = None if validation_rows is None else validation_rows.view(np.ndarray)
    if state is None:
        start = initial_parameters(images.shape[1], classes, seed, dtype)
        zeros = Parameters(np.zeros_like(start.W, np.float64), np.zeros_like(start.b, np.float64))
        pairs = zip(optimiser.init(start.W), optimiser.init(start.b), strict=True)
        state = State(start, start, zeros if average else None, tuple(Parameters(*pair) for pair in pairs))
    stopped = stop or (lambda: False)
    steps = math.ceil(len(rows) / batch_size)
    while not finished(state, max_epochs, patience):
        epoch = len(state.history) + 1
        order = rows[permutation(seed, epoch, len(rows))]
        current = last = state.last.copy()
        moments = tuple(moment.copy() for moment in state.moments)
        sums = () if state.mean is None else (np.zeros_like(state.mean.W), np.zeros_like(state.mean.b))
        loss, done = 0.0, steps * (epoch - 1)
        for part in parts(order, batch_size, last.W.size):
            if stopped():
                return
            args = (*last, images, labels, part, batch_size, rate(epoch), alpha, *sums)
            loss = run_epoch(*args, loss=loss, moments=moments, first=done + 1)
            done += math.ceil(len(part) / batch_size)
        mean = state.mean
        if mean is not None:
            mean = Parameters(*(old + (new / steps - old) / epoch for old, new in zip(mean, sums, strict=True)))
            current = Parameters(mean.W.astype(dtype, order="F"), mean.b.astype(dtype))
        regularizer = penalty(current.W, alpha)
        train_loss, val_loss, val_accuracy = loss / len(order) + regularizer, math.nan, math.nan
        if validation_rows is not None:
            loss, correct = 0.0, 0
            for part in parts(validation_rows, module.BLOCK, last.W.size):
                if stopped():
                    return
                loss, hits = evaluate(*current, images, labels, part, loss)
                correct += hits
            val_loss = loss / len(validation_rows) + regularizer
            val_accuracy = correct / len(validation_rows)
        state.last, state.mean, state.moments = last, mean, moments
        state.history.append(Metrics(epoch, train_loss, val_loss, val_accuracy, val_loss - regularizer))
        if validation_rows is None or val_loss < (math.inf if patience is None else state.lowest):
            state.best, state.best_epoch = current, epoch
        state.diverged = not math.isfinite(train_loss if validation_rows is None else train_loss + val_loss)
        yield state


def parts(rows: NDArray[np.int64], batch_size: int, weights: int) -> list[NDArray[np.int64]]:
    """`rows` split between batches into parts of well under a second each; `weights` is the size of W."""
    step = max(STEP, batch_size * max(ROW, 2 * weights))
    length = batch_size * max(1, PART // step)
    return [rows[start : start + length] for start in range(0, len(rows), length)]


def finished(state: State, max_epochs: int, patience: int | None) -> bool:
    epochs = len(state.history)
    waited = epochs - state.best_epoch
    return epochs >= max_epochs or state.diverged or (patience is not None and waited >= patience)
