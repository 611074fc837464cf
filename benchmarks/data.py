"""Fashion-MNIST, or for quick runs something of its form."""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Bench
from execution.fetch.sources import fashion_mnist
from experiment.data.formats import Arrays, npy_name
from experiment.data.own import own_data
from experiment.data.split import split_rows
from softmax.loss import normalized

QUICK = (2000, 784, 10)  # examples, features, classes
ONCE = ("--decay", "none", "--folds", "1")  # also on own data a combination is one training


class Problem(NamedTuple):
    images: NDArray[np.float32]  # (n, m), all training images, normalised
    labels: NDArray[np.int64]
    train: NDArray[np.int64]  # rows
    validation: NDArray[np.int64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64]
    classes: int


def problem(bench: Bench) -> Problem:
    arrays = (
        own_data(made_up(bench.scratch / "quick", *QUICK)).arrays if bench.quick else fashion_mnist(bench.data, quiet)
    )
    labels, test_labels = (a.astype(np.int64) for a in (arrays.train_labels, arrays.test_labels))
    rows = split_rows(labels, 0.2, 541)  # the sweep's own
    images, test_images = normalized(arrays.train_images), normalized(arrays.test_images)
    return Problem(images, labels, rows.train, rows.held_out, test_images, test_labels, int(labels.max()) + 1)


def cold(bench: Bench, name: str) -> tuple[Path, list[str]]:
    """A new artifact root that holds only the downloaded files, and the arguments of a sweep into it."""
    artifacts = bench.scratch / name
    arguments = ["--artifacts", str(artifacts)]
    if bench.quick:
        folder = made_up(bench.scratch / "quick", *QUICK)
        return artifacts, [*arguments, "--data-dir", str(folder), "--max-epochs", "2", "--alphas", "0.001", *ONCE]
    fashion_mnist(bench.data, quiet)
    shutil.copytree(bench.data, artifacts / "data", ignore=lambda _, names: [n for n in names if n.startswith(".")])
    return artifacts, arguments


def quiet(_: str) -> None:
    """Where the data came from is no part of the tables."""


def made_up(folder: Path, examples: int, features: int, classes: int) -> Path:
    """Write a user's four files: grey levels around one random image for each class."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    means = rng.integers(0, 256, (classes, features))
    sides: dict[str, NDArray[Any]] = {}
    for side, n in (("train", examples), ("test", examples // 5)):
        labels = np.arange(n) % classes
        noisy = means[labels] + rng.normal(0, 100, (n, features))
        sides |= {f"{side}_images": noisy.clip(0, 255).astype(np.uint8), f"{side}_labels": labels}
    for name in Arrays._fields:
        np.save(folder / npy_name(name), sides[name])
    return folder
