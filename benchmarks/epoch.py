"""One epoch of minibatch SGD: our two engines, the textbook's loop, PyTorch, and what the processor could do.

Not only as the processor is: a process of its own takes it for each poorer kind that it can pass for.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import Problem, problem
from benchmarks.machine import emulated, emulations
from benchmarks.results import Bench, Section, ratio, spread
from benchmarks.textbook import Textbook
from benchmarks.timing import Times, in_turns, one_thread, torch
from softmax import kernels, reference
from softmax.loss import one_hot
from softmax.optimiser import SGD, Adam
from softmax.sgd import initial_parameters

BATCH_SIZES = (8, 16, 32, 64)
LEARNING_RATE, ALPHA, SEED = 0.01, 0.001, 541
SIDE = 1536  # of the square float32 matrices whose product tells what the BLAS can do
TOLERANCE = 1e-4  # between weights after the epoch, of a size of about 0.1

Result = tuple[NDArray[np.floating], NDArray[np.floating]]


class Contenders:
    """Each method runs the same epoch from the same start, order of examples included, and returns W and b."""

    def __init__(self, data: Problem) -> None:
        self.data = data
        self.images = np.ascontiguousarray(data.images[data.train])  # (48,000, 784) float32
        self.levels = np.rint((self.images + 0.5) * 255).astype(np.uint8)
        self.labels = data.labels[data.train]
        self.book = Textbook(self.images.astype(np.float64), one_hot(self.labels, data.classes, np.float64))
        self.order = draw(len(self.labels))
        if torch():
            self.tensor, self.label_tensor = torch().from_numpy(self.images), torch().from_numpy(self.labels)

    def start(self, dtype: type) -> Result:
        W, b = initial_parameters(self.images.shape[1], self.data.classes, SEED, dtype)
        return W, b

    def compiled(self, batch_size: int, grey: bool, optimiser: SGD | Adam = SGD()) -> Result:  # noqa: B008 - frozen
        W, b = self.start(np.float32)
        images = self.levels if grey else self.images
        args = (W, b, images, self.labels, self.order, batch_size, LEARNING_RATE, ALPHA)
        moments: Any = list(zip(optimiser.init(W), optimiser.init(b), strict=True))
        kernels.sgd_epoch(*args, optimiser=optimiser, moments=moments)
        return W, b

    def numpy(self, batch_size: int) -> Result:
        W, b = self.start(np.float32)
        reference.sgd_epoch(W, b, self.images, self.labels, self.order, batch_size, LEARNING_RATE, ALPHA)
        return W, b

    def textbook(self, batch_size: int) -> Result:
        W, b = self.start(np.float64)
        W = np.ascontiguousarray(W)
        self.book.epoch(W, b, self.order, batch_size, LEARNING_RATE, ALPHA)
        return W, b

    def torch(self, batch_size: int) -> Result:
        """Batches by indexing, which is several times faster than a DataLoader."""
        nn, W = torch().nn, self.start(np.float32)[0]
        model = nn.Linear(*W.shape)
        with torch().no_grad():
            model.weight.copy_(torch().from_numpy(np.ascontiguousarray(W.T)))
            model.bias.zero_()
        decayed = [{"params": [model.weight], "weight_decay": ALPHA}, {"params": [model.bias]}]
        optimizer = torch().optim.SGD(decayed, lr=LEARNING_RATE)
        order = torch().from_numpy(self.order)
        for batch in order.split(batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(self.tensor[batch]), self.label_tensor[batch]).backward()
            optimizer.step()
        return model.weight.detach().numpy().T, model.bias.detach().numpy()


def draw(n: int) -> NDArray[np.int64]:
    """The sweep's first permutation; not from where the sweep keeps it."""
    return np.random.default_rng([SEED, 1]).permutation(n)


def run(bench: Bench) -> Section:
    section = Section(
        "One epoch",
        [
            "48,000 × 784 → 10, milliseconds an epoch, one thread each, in turns, each after an untimed one: "
            "median (least–greatest). All are given the same order of examples and end with the same weights.",
            "*Registers*: the processor's, or fewer where Numba and OpenBLAS (not PyTorch) are told so: emulated.",
            "*Kernel*: on grey levels, as in the sweep; *float32*: on the inputs themselves, as for data that are not "
            "grey levels. *Textbook*: a float64 NumPy loop over a shuffled copy (in memory that it keeps). *PyTorch*: "
            "nn.Linear and SGD, float32, batches by indexing."
            + ("" if torch() else " **PyTorch is not installed: left out.**"),
            f"*Floor*: as many multiply–adds as the epoch's two products, at the speed of one {SIDE}³ float32 product.",
        ],
    )
    kinds = [] if bench.quick else emulations()  # each is compiled
    poorer = kinds[kinds.index(kernels.KIND) + 1 :] if kernels.KIND in kinds else []
    section.data = {kernels.KIND: seconds(bench)} | {kind: emulated_seconds(bench, kind) for kind in poorer}
    for kind, by_batch in section.data.items():
        registers = kernels.TILES[kind].registers + (", emulated" if kind in poorer else "")
        for batch_size, times in by_batch.items():
            kernel, floor = times["kernel"], times["floor"]
            ratios = {
                f"{name} / kernel": ratio(times[name], kernel) for name in times if name not in ("kernel", "floor")
            }
            ratios["kernel / floor"] = ratio(kernel, floor)
            section.table = section.table or [["registers", "batch", *times, *ratios]]
            figures = [spread(values, 1000) for values in times.values()]
            section.table.append([registers, batch_size, *figures, *ratios.values()])
    return section


def emulated_seconds(bench: Bench, kind: str) -> dict[str, Times]:
    """`seconds` from a process that takes this processor for one of another kind."""
    command = [sys.executable, "-m", "benchmarks.epoch", str(bench.data), str(bench.scratch), str(int(bench.quick))]
    done = subprocess.run(command, env=os.environ | emulated(kind), stdout=subprocess.PIPE, check=True)
    by_batch: dict[str, Times] = json.loads(done.stdout)
    return by_batch


def seconds(bench: Bench) -> dict[str, Times]:
    """Of each contender's epochs, by batch size."""
    data = problem(bench)
    contenders = Contenders(data)
    n, (m, c) = len(data.train), (data.images.shape[1], data.classes)
    engines: dict[str, Callable[[int], Result]] = {
        "kernel": partial(contenders.compiled, grey=True),
        "kernel, float32": partial(contenders.compiled, grey=False),
        "NumPy engine": contenders.numpy,
        "textbook": contenders.textbook,
    }
    if torch():
        engines["PyTorch"] = contenders.torch
    factors = np.random.default_rng(0).random((2, SIDE, SIDE), dtype=np.float32)
    scale = 2 * n * m * c / SIDE**3  # multiply–adds of an epoch's two products for those of the large one

    by_batch = {}
    with one_thread():
        for batch_size in BATCH_SIZES:
            check(engines, batch_size)
            actions: dict[str, Callable[[], object]] = {
                name: partial(engine, batch_size) for name, engine in engines.items()
            }
            actions["kernel, Adam"] = partial(contenders.compiled, batch_size, grey=True, optimiser=Adam())
            actions["floor"] = lambda: factors[0] @ factors[1]
            times = in_turns(actions, rounds=2 if bench.quick else 9, warm=True)
            times["floor"] = [seconds * scale for seconds in times["floor"]]
            by_batch[str(batch_size)] = times
    return by_batch


def check(engines: dict[str, Callable[[int], Result]], batch_size: int) -> None:
    """That all did the same work."""
    expected = engines["textbook"](batch_size)
    for name, engine in engines.items():
        difference = max(np.abs(a - b).max() for a, b in zip(engine(batch_size), expected, strict=True))
        if not difference < TOLERANCE:
            raise RuntimeError(f"{name} and the textbook's loop differ by {difference:.1e} after the epoch")


if __name__ == "__main__":
    data, scratch, quick = sys.argv[1:]
    print(json.dumps(seconds(Bench(quick=bool(int(quick)), data=Path(data), scratch=Path(scratch)))))
