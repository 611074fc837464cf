"""One epoch of minibatch SGD: our two engines, the textbook's loop, PyTorch, and what the processor could do."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import Problem, problem
from benchmarks.results import Bench, Section, ratio, spread
from benchmarks.textbook import Textbook
from benchmarks.timing import in_turns, one_thread, torch
from softmax import kernels, reference
from softmax.loss import grey_levels, one_hot
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
        levels = grey_levels(self.images)
        assert levels is not None  # Fashion-MNIST's are
        self.levels = levels
        self.labels = data.labels[data.train]
        self.book = Textbook(self.images.astype(np.float64), one_hot(self.labels, data.classes, np.float64))
        if torch():
            self.tensor, self.label_tensor = torch().from_numpy(self.images), torch().from_numpy(self.labels)

    def order(self) -> NDArray[np.int64]:
        return draw(len(self.labels))

    def start(self, dtype: type) -> Result:
        W, b = initial_parameters(self.images.shape[1], self.data.classes, SEED, dtype)
        return W, b

    def compiled(self, batch_size: int, grey: bool) -> Result:
        W, b = self.start(np.float32)
        images = self.levels if grey else self.images
        kernels.sgd_epoch(W, b, images, self.labels, self.order(), batch_size, LEARNING_RATE, ALPHA)
        return W, b

    def numpy(self, batch_size: int) -> Result:
        W, b = self.start(np.float32)
        reference.sgd_epoch(W, b, self.images, self.labels, self.order(), batch_size, LEARNING_RATE, ALPHA)
        return W, b

    def textbook(self, batch_size: int) -> Result:
        W, b = self.start(np.float64)
        W = np.ascontiguousarray(W)
        self.book.epoch(W, b, self.order(), batch_size, LEARNING_RATE, ALPHA)
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
        order = torch().from_numpy(self.order())
        for batch in order.split(batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(self.tensor[batch]), self.label_tensor[batch]).backward()
            optimizer.step()
        return model.weight.detach().numpy().T, model.bias.detach().numpy()


def draw(n: int) -> NDArray[np.int64]:
    """The sweep's first permutation; not from where the sweep keeps it."""
    return np.random.default_rng([SEED, 1]).permutation(n)


def run(bench: Bench) -> Section:
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

    section = Section(
        "One epoch",
        [
            f"{n:,} × {m} → {c}, milliseconds an epoch, one thread each, in turns: median (least–greatest). Each draws "
            "the same order of examples and ends with the same weights.",
            "*Kernel*: on grey levels, as in the sweep; *float32*: on the inputs themselves, as for data that are not "
            "grey levels. *Textbook*: a float64 NumPy loop over a shuffled copy (in memory that it keeps). *PyTorch*: "
            "nn.Linear and SGD, float32, batches by indexing."
            + ("" if torch() else " **PyTorch is not installed: left out.**"),
            f"*Floor*: as many multiply–adds as the epoch's two products, at the speed of one {SIDE}³ float32 product.",
        ],
    )
    ratios = [f"{name} / kernel" for name in list(engines)[1:]] + ["kernel / floor"]
    section.table = [["batch", *engines, "floor", *ratios]]
    with one_thread():
        for batch_size in BATCH_SIZES:
            check(engines, batch_size)
            actions: dict[str, Callable[[], object]] = {
                name: partial(engine, batch_size) for name, engine in engines.items()
            }
            times = in_turns(actions | {"floor": lambda: factors[0] @ factors[1]}, rounds=2 if bench.quick else 9)
            times["floor"] = [seconds * scale for seconds in times["floor"]]
            others = [ratio(times[name], times["kernel"]) for name in list(engines)[1:]]
            section.table.append(
                [
                    str(batch_size),
                    *(spread(seconds, 1000) for seconds in times.values()),
                    *others,
                    ratio(times["kernel"], times["floor"]),
                ]
            )
            section.data[f"batch {batch_size}"] = times
    return section


def check(engines: dict[str, Callable[[int], Result]], batch_size: int) -> None:
    """That all did the same work."""
    expected = engines["textbook"](batch_size)
    for name, engine in engines.items():
        difference = max(np.abs(a - b).max() for a, b in zip(engine(batch_size), expected, strict=True))
        if not difference < TOLERANCE:
            raise RuntimeError(f"{name} and the textbook's loop differ by {difference:.1e} after the epoch")
