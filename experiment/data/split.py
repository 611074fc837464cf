"""Splits of rows into training rows and rows held out for validation or test."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.errors import DataError


class RowSplit(NamedTuple):
    """Disjoint int64 row indices that cover all rows."""

    train: NDArray[np.int64]
    held_out: NDArray[np.int64]
    rare: tuple[int, ...] = ()  # classes with too few rows to be held out


def fold_rows(labels: NDArray[np.int64], folds: int, repeats: int, seed: int) -> list[RowSplit]:
    """The splits of scikit-learn's `RepeatedStratifiedKFold`: in each repeat every row is held out once."""
    from sklearn.model_selection import RepeatedStratifiedKFold  # takes two seconds

    divided = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed)
    return [RowSplit(train, held_out) for train, held_out in divided.split(labels, labels)]


def split_rows(labels: NDArray[np.int64], fraction: float, seed: int) -> RowSplit:
    """scikit-learn's `train_test_split(test_size=fraction, random_state=seed)`; DataError if a side lacks a class."""
    n = len(labels)
    held = math.ceil(n * fraction)
    given = f"validation_fraction={fraction:g} of {n} training rows"
    if not 0 < held < n:
        raise DataError(f"{given} leaves nothing to train on: choose a smaller fraction")
    shuffled = np.random.RandomState(seed).permutation(n)  # as in scikit-learn, whose import takes two seconds
    validation, train = np.split(shuffled, [held])
    for side, rows, change in (("train on", train, "smaller"), ("validate on", validation, "larger")):
        missing = np.setdiff1d(labels, labels[rows])
        if missing.size:
            raise DataError(
                f"{given} leaves nothing to {side} of class {missing[0]}: choose a {change} fraction, "
                "another seed or more data"
            )
    return RowSplit(train, validation)


def stratified_rows(labels: NDArray[np.int64], fraction: float, seed: int) -> RowSplit:
    """The split of scikit-learn's `train_test_split(stratify=labels)`, without rare classes.

    A class is rare if a proportional split gives one side less than one of its rows. All rows of a rare class are
    training rows.

    DataError: all classes are rare.
    """
    from sklearn.model_selection import train_test_split  # takes two seconds

    counts = np.bincount(labels)
    rare = np.flatnonzero((counts > 0) & (counts * min(fraction, 1 - fraction) < 1))
    is_rare = np.isin(labels, rare)
    common = np.flatnonzero(~is_rare)
    if not common.size:
        raise DataError(
            f"{len(labels)} rows are too few to hold out a fraction of {fraction:g} of any class and to train on the "
            "rest; give more rows of each class, or another validation_fraction"
        )
    train, held_out = train_test_split(common, test_size=fraction, random_state=seed, stratify=labels[common])
    return RowSplit(np.concatenate([train, np.flatnonzero(is_rare)]), held_out, tuple(rare.tolist()))
