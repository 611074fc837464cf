"""Time to the quality of a converged solver: scikit-learn's L-BFGS."""

import time
import warnings
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.data import Problem, problem
from benchmarks.results import Bench, Section, figure, ratio, spread
from benchmarks.timing import one_thread
from softmax import kernels, sgd
from softmax.loss import accuracy, cross_entropy

WITHIN = 0.003  # nats of scikit-learn's test cross-entropy
SETTINGS: dict[str, Any] = {"learning_rate": 0.03, "batch_size": 8, "alpha": 1e-4, "average": True}


def run(bench: Bench) -> Section:
    data = problem(bench)
    rounds, most = (1, 3) if bench.quick else (3, 200)
    solver, ours, fit, reached = [], [], Quality(0, 0, 0), Quality(0, 0, 0)
    with one_thread():
        next(descend(data, 1))  # compiles
        for _ in range(rounds):
            seconds, fit = solve(data, quick=bench.quick)
            solver.append(seconds)
            seconds, reached = until(data, fit.loss + WITHIN, most)
            ours.append(seconds)
    if reached.loss > fit.loss + WITHIN and not bench.quick:
        raise RuntimeError(f"{most} epochs were not enough: test cross-entropy {reached.loss:.4f}, not {fit.loss:.4f}")
    return Section(
        "Time to quality",
        [
            f"All {len(data.labels):,} training images, float32, one thread each, in turns. scikit-learn's "
            f"LogisticRegression (L-BFGS, C = 0.1) to convergence; ours (`softmax.sgd.train`, "
            f"{', '.join(f'{name} {value}' for name, value in SETTINGS.items())}) until its test cross-entropy is "
            f"within {WITHIN} of that. Looking at the test set is not timed, nor is the kernel's compilation.",
        ],
        [
            ["", "seconds", "iterations or epochs", "test cross-entropy", "test accuracy"],
            ["scikit-learn", spread(solver), *fit.cells()],
            ["ours", spread(ours), *reached.cells()],
            ["**scikit-learn / ours**", f"**{ratio(solver, ours)}**", "", "", ""],
        ],
        {"scikit-learn": solver, "ours": ours, "losses": [fit.loss, reached.loss], "settings": SETTINGS},
    )


class Quality:
    def __init__(self, iterations: int, loss: float, accuracy: float) -> None:
        self.iterations, self.loss, self.accuracy = iterations, loss, accuracy

    def cells(self) -> list[str]:
        return [figure(self.iterations), f"{self.loss:.4f}", f"{self.accuracy:.2%}"]


def solve(data: Problem, quick: bool) -> tuple[float, Quality]:
    model = LogisticRegression(C=0.1, max_iter=5 if quick else 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if quick else "error")  # not converged
        started = time.perf_counter()
        model.fit(data.images, data.labels)
        seconds = time.perf_counter() - started
    logits = np.asarray(model.decision_function(data.test_images))
    quality = cross_entropy(logits, data.test_labels), accuracy(logits, data.test_labels)
    return seconds, Quality(int(model.n_iter_[0]), *quality)


def descend(data: Problem, epochs: int) -> Any:
    rows = np.arange(len(data.labels))
    return sgd.train(
        data.images, data.labels, rows, None, classes=data.classes, max_epochs=epochs, seed=541,
        rate=lambda epoch: SETTINGS["learning_rate"], batch_size=SETTINGS["batch_size"], alpha=SETTINGS["alpha"],
        average=SETTINGS["average"],
    )  # fmt: skip


def until(data: Problem, loss: float, most: int) -> tuple[float, Quality]:
    """Seconds of the epochs up to the first with a test cross-entropy of at most `loss`."""
    seconds, rows, reached = 0.0, np.arange(len(data.test_labels)), Quality(0, np.inf, 0)
    epochs = descend(data, most)
    while reached.loss > loss and reached.iterations < most:
        started = time.perf_counter()
        state = next(epochs)
        seconds += time.perf_counter() - started
        total, correct = kernels.evaluate(state.best.W, state.best.b, data.test_images, data.test_labels, rows)
        reached = Quality(len(state.history), total / len(rows), correct / len(rows))
    return seconds, reached
