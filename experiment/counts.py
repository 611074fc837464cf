"""How often each class was right and was predicted: all that a figure needs of a model on some rows, but its loss."""

from collections.abc import Callable
from functools import cached_property
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
    """Of one model, once."""

    rows: Numbers
    predicted: Numbers
    correct: Numbers
    cross_entropy: Numbers


class Resampled:
    """Of several models in some resamples, (models, resamples, c) and (models, resamples), made when they are asked for.

    Parameters
    ----------
    labels : (n,)
    said, losses : (models, n) predicted classes and −log ŷ of the true ones
    drawn : (n, resamples), how often each row is drawn
    """

    def __init__(
        self, labels: Numbers, said: Numbers, losses: NDArray[np.float32], classes: int, drawn: NDArray[np.float32]
    ) -> None:
        self.labels, self.said, self.losses, self.classes, self.drawn = labels, said, losses, classes, drawn

    @cached_property
    def rows(self) -> Numbers:
        return self.by_class(lambda k: self.drawn[self.labels == k].sum(axis=0))

    @cached_property
    def predicted(self) -> Numbers:
        return self.by_class(lambda k: (self.said == k).astype(np.float32) @ self.drawn)

    @cached_property
    def correct(self) -> Numbers:
        return self.by_class(
            lambda k: (self.said[:, self.labels == k] == k).astype(np.float32) @ self.drawn[self.labels == k]
        )

    @cached_property
    def cross_entropy(self) -> Numbers:
        return self.losses @ self.drawn / np.float32(len(self.drawn))

    def by_class(self, count: Callable[[int], Numbers]) -> Numbers:
        return np.stack([count(k) for k in range(self.classes)], axis=-1)


def class_counts(labels: NDArray[np.integer], predicted: NDArray[np.integer], classes: int) -> ClassCounts:
    """Return them of one model on some rows."""
    columns = [np.bincount(some, minlength=classes) for some in (labels, predicted, labels[predicted == labels])]
    return tuple((int(rows), int(taken), int(both)) for rows, taken, both in zip(*columns, strict=True))
