"""Minibatch SGD with early stopping, as a generator of epochs: no files, no logging, no clock.

The whole state of a training lies in `State`; a training can be continued from any state it has yielded
and then goes on bit for bit as if it had never stopped.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from types import ModuleType
from typing import Any, Literal, NamedTuple

import numpy as np
from cachetools import LRUCache, cached
from numpy.typing import DTypeLike, NDArray

from softmax import reference
from softmax.loss import Floats, Images, Labels, penalty
from softmax.optimiser import SGD, Optimiser

Engine = Literal["numba", "numpy"]
PART = 2**31  # multiply–adds between two looks at `stop`: 0.05 to 0.5 s, and more than an epoch of Fashion-MNIST
STEP, ROW = 2**18, 2**9  # a step and a row cost at least as much time as so many multiply–adds
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
    moments: tuple[Parameters, ...] = ()  # the optimiser's state, after the last iterate
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
    """The module that has the engine's `evaluate`, and an epoch of SGD."""
    if engine == "numpy":
        return reference
    from softmax import kernels  # here, for Numba takes half a second, and not all who import this train

    return kernels


def epoch_of(engine: Engine, optimiser: Optimiser) -> Callable[..., float]:
    """Return `reference.sgd_epoch` with its optimiser bound, or the compiled epoch, which knows SGD and no other."""
    if engine == "numpy" or not isinstance(optimiser, SGD):
        return partial(reference.sgd_epoch, optimiser=optimiser)
    compiled = implementation(engine).sgd_epoch

    def epoch(*given: Any, loss: float, moments: Sequence[Parameters], first: int) -> float:
        velocity = moments[0] if moments else None
        how = {"momentum": optimiser.momentum, "nesterov": optimiser.nesterov}
        result: float = compiled(*given, loss=loss, velocity=velocity, **how)
        return result

    return epoch


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
    """Train, yielding the state after each epoch (the same object each time: copy what must outlive it).

    Stops after `max_epochs`; after `patience` epochs without a new lowest validation loss; when a loss
    is no longer finite (`State.diverged`); or when `stop` says so.

    Parameters
    ----------
    images : (n, m) array, floating, or uint8 grey levels, normalised as they are read
    labels : (n,) integers in 0 … classes − 1
    rows, validation_rows : row indices to train and to validate on; no validation: no early stopping
    rate : the learning rate of an epoch, counted from 1 (`softmax.decay`)
    average : validate and return the mean of all iterates since the start instead of the last one
        (Polyak & Juditsky 1992, doi:10.1137/0330046)
    engine : "numba" (compiled, float32) or "numpy" (the readable reference, any dtype)
    state : continue from here; None starts from `initial_parameters`
    stop : asked before an epoch and, in long ones, several times a second; when true the epoch is given up, and the
        state is still that of the last complete one
    """
    module = implementation(engine)
    run_epoch, evaluate = epoch_of(engine, optimiser), module.evaluate
    # Of memory maps, what each view costs is a good part of an epoch on small data.
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
            given = (*last, images, labels, part, batch_size, rate(epoch), alpha, *sums)
            loss = run_epoch(*given, loss=loss, moments=moments, first=done + 1)
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
        state.history.append(Metrics(epoch, train_loss, val_loss, val_accuracy))
        if validation_rows is None or val_loss < state.lowest:
            state.best, state.best_epoch = current, epoch
        judged = train_loss if validation_rows is None else train_loss + val_loss
        state.diverged = not math.isfinite(judged)
        yield state


def parts(rows: NDArray[np.int64], batch_size: int, weights: int) -> list[NDArray[np.int64]]:
    """Cut `rows` between batches into runs that take well under a second each; `weights` is the size of W."""
    step = max(STEP, batch_size * max(ROW, 2 * weights))
    length = batch_size * max(1, PART // step)
    return [rows[start : start + length] for start in range(0, len(rows), length)]


def finished(state: State, max_epochs: int, patience: int | None) -> bool:
    epochs = len(state.history)
    waited = epochs - state.best_epoch
    return epochs >= max_epochs or state.diverged or (patience is not None and waited >= patience)
