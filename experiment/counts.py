"""Counts by class of a model's predictions: all that the metrics need, besides the cross-entropy."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.number]
ClassCounts = tuple[tuple[int, int, int], ...]  # by class: rows, predictions, correct predictions


class Counts(Protocol):
    """Counts of one model on some rows; leading dimensions are several models and samples of rows."""

    @property
    def rows(self) -> Numbers: ...  # (…, c)

    @property
    def predicted(self) -> Numbers: ...  # (…, c)

    @property
    def correct(self) -> Numbers: ...  # (…, c)

    @property
    def cross_entropy(self) -> Numbers: ...  # (…) unregularised, mean over the rows, in nats


class Counted(NamedTuple):
    """Counts of one model on all rows."""

    rows: Numbers
    predicted: Numbers
    correct: Numbers
    cross_entropy: Numbers


def class_counts(labels: NDArray[np.integer], predicted: NDArray[np.integer], classes: int) -> ClassCounts:
    """The counts of one model on some rows."""
    columns = [np.bincount(column, minlength=classes) for column in (labels, predicted, labels[predicted == labels])]
    return tuple((int(rows), int(taken), int(correct)) for rows, taken, correct in zip(*columns, strict=True))
