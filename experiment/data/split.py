"""Which rows are trained on and which validate."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.errors import DataError


class Rows(NamedTuple):
    """Disjoint int64 row indices that together cover all rows."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]


def split_rows(labels: NDArray[np.int64], validation_fraction: float, seed: int) -> Rows:
    """The rows that scikit-learn's `train_test_split(test_size=validation_fraction, random_state=seed)` gives.

    Raises
    ------
    DataError : a side is empty, or lacks a class
    """
    n = len(labels)
    validating = math.ceil(n * validation_fraction)
    advice = f"validation_fraction={validation_fraction:g} of {n} training rows"
    if not 0 < validating < n:
        raise DataError(f"{advice} leaves nothing to train on: choose a smaller fraction")
    shuffled = np.random.RandomState(seed).permutation(n)  # what scikit-learn does; importing it takes two seconds
    validation, train = np.split(shuffled, [validating])
    for side, rows, change in (("train on", train, "smaller"), ("validate on", validation, "larger")):
        missing = np.setdiff1d(labels, labels[rows])
        if missing.size:
            raise DataError(
                f"{advice} leaves nothing to {side} of class {missing[0]}: choose a {change} fraction, "
                "another seed or more data"
            )
    return Rows(train, validation)
