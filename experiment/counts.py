"""How often each class was right and was predicted: all that a figure needs of a model on some rows, but its loss."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.number]
ClassCounts = tuple[tuple[int, int, int], ...]  # of each class: rows, rows taken for it, rows of it taken for it


class Counts(Protocol):
    """Of one model on some rows or, with more dimensions in front, of several models and samples of rows."""

    @property
    def rows(self) -> Numbers: ...  # (…, c) of each class

    @property
    def predicted(self) -> Numbers: ...  # (…, c) how many were taken for it

    @property
    def correct(self) -> Numbers: ...  # (…, c) how many of these rightly

    @property
    def cross_entropy(self) -> Numbers: ...  # (…) unregularised, mean over the rows, in nats


class Counted(NamedTuple):
    """Of one model on all rows."""

    rows: Numbers
    predicted: Numbers
    correct: Numbers
    cross_entropy: Numbers


def class_counts(labels: NDArray[np.integer], predicted: NDArray[np.integer], classes: int) -> ClassCounts:
    """Return them of one model on some rows."""
    columns = [np.bincount(some, minlength=classes) for some in (labels, predicted, labels[predicted == labels])]
    return tuple((int(rows), int(taken), int(both)) for rows, taken, both in zip(*columns, strict=True))
