"""What all contenders are given: the data, the grid, one training whose epochs are counted; and where the best goes."""

import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import quiet
from execution.fetch.sources import fashion_mnist
from experiment import training
from experiment.config import Experiment
from experiment.data.own import own_data
from experiment.data.split import RowSplit, split_rows
from experiment.defaults import settled
from softmax.sgd import State

EXPERIMENT, EPOCHS, BEST = "experiment.json", "epochs", "best.json"  # files in a contender's folder


class Problem(NamedTuple):
    root: Path  # the contender's folder, for all it keeps
    experiment: Experiment
    images: NDArray[np.uint8]  # (n, m) grey levels
    labels: NDArray[np.int64]
    rows: RowSplit

    @property
    def axes(self) -> dict[str, list[Any]]:
        """The values of the grid's axes."""
        return {name: list(self.experiment.grid[name]) for name in ("learning_rate", "batch_size", "alpha")}


@cache
def load(root: Path) -> Problem:
    """Read it from the contender's folder, once in a process."""
    experiment = Experiment.model_validate_json((root / EXPERIMENT).read_text())
    own = experiment.own_data
    arrays = own_data(own).arrays if own else fashion_mnist(root / "data", quiet)
    labels = arrays.train_labels.astype(np.int64)
    rows = split_rows(labels, experiment.validation_fraction, experiment.seed)
    experiment, _ = settled(experiment, own is not None, len(rows.train))
    return Problem(root, experiment, arrays.train_images, labels, rows)


def train(problem: Problem, **values: Any) -> dict[str, float]:
    """Train one combination with early stopping, as the sweep does; return the figures of its best epoch."""
    experiment, data = problem.experiment, (problem.images, problem.labels, problem.rows.train, problem.rows.held_out)
    combination = experiment.combinations[0].model_copy(update=values)
    classes = int(problem.labels.max()) + 1
    run = training.epochs(data, classes, experiment.seed, combination, experiment.recipe)
    for latest in counted(run, problem.root)():
        state = latest
    best = state.history[state.best_epoch - 1]
    return {"val_accuracy": best.val_accuracy, "val_loss": best.val_loss, "best_epoch": best.epoch}


def counted(train: Callable[..., Iterator[State]], root: Path) -> Callable[..., Iterator[State]]:
    """The same training, which adds a byte to a file with every epoch that it has validated: no kill undoes them."""

    def counting(*given: Any, **more: Any) -> Iterator[State]:
        file = os.open(root / EPOCHS, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for state in train(*given, **more):
                if state.history[-1].val_accuracy >= 0:  # retraining has none
                    os.write(file, b".")
                yield state
        finally:
            os.close(file)

    return counting


def epochs(root: Path) -> int:
    """How many epochs have been trained, by whatever process."""
    file = root / EPOCHS
    return file.stat().st_size if file.exists() else 0


def finish(root: Path, trials: int, val_accuracy: float, combination: dict[str, Any]) -> None:
    """Write what came out: how many trials the contender knows the end of, and the best of them."""
    best = {"trials": trials, "val_accuracy": val_accuracy, "combination": combination}
    (root / BEST).write_text(json.dumps(best))
