"""The bootstrap over rows (Efron, Ann. Stat. 7, 1979): how much metrics vary between samples of rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.number]
RESAMPLES = 400
LEVEL = 0.95  # of confidence: the fraction of resamples in which a statement holds
COUNTS_AT_A_TIME = 2**23  # 32 MB


def resamples(rows: int, *, seed: int = 0) -> Iterator[NDArray[np.float32]]:
    """How often each row is drawn in each of `RESAMPLES` resamples with replacement, in blocks of resamples.

    The sum of a quantity over each resample is then a matrix product. The same seed gives the same resamples, so
    metrics of several models are compared on the same rows.

    Yields
    ------
    (rows, some) float32 counts, each column with the sum `rows` − 1: with `rows` draws the variance of means would be
    too small by a factor (rows − 1) / rows (Rao & Wu, J. Am. Stat. Assoc. 83, 1988)
    """
    rng = np.random.default_rng(seed)
    most = max(1, COUNTS_AT_A_TIME // rows)
    for start in range(0, RESAMPLES, most):
        draws = [rng.integers(rows, size=max(rows - 1, 1)) for _ in range(min(most, RESAMPLES - start))]
        yield np.stack([np.bincount(drawn, minlength=rows) for drawn in draws], axis=1).astype(np.float32)


def interval(figures: NDArray[np.floating], level: float = LEVEL) -> tuple[float, float]:
    """The percentile interval: the bounds of the middle `level` of the resampled metrics."""
    low, high = np.quantile(figures, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(eq=False)
class Resampled:
    """The counts of several models in some resamples as for `Counted`: (models, resamples, c), each on first use."""

    labels: Numbers  # (n,)
    predictions: Numbers  # (models, n) classes
    losses: NDArray[np.float32]  # (models, n) −log ŷ of the true classes
    classes: int
    drawn: NDArray[np.float32]  # (n, resamples), how often each row is drawn

    @cached_property
    def rows(self) -> Numbers:
        return self.by_class(lambda k: self.drawn[self.labels == k].sum(axis=0))

    @cached_property
    def predicted(self) -> Numbers:
        return self.by_class(lambda k: (self.predictions == k).astype(np.float32) @ self.drawn)

    @cached_property
    def correct(self) -> Numbers:
        return self.by_class(
            lambda k: (self.predictions[:, self.labels == k] == k).astype(np.float32) @ self.drawn[self.labels == k]
        )

    @cached_property
    def cross_entropy(self) -> Numbers:
        return np.asarray(self.losses @ (self.drawn / self.drawn.sum(axis=0)))  # the sums alone might overflow

    def by_class(self, count: Callable[[int], Numbers]) -> Numbers:
        return np.stack([count(k) for k in range(self.classes)], axis=-1)
