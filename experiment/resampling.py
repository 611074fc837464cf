"""The bootstrap over rows (Efron, Ann. Stat. 7, 1979): would other rows have said the same?"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 400
COUNTS_AT_A_TIME = 2**23  # 32 MB


def resamples(rows: int, *, seed: int = 0) -> Iterator[NDArray[np.float32]]:
    """Yield how often each row is drawn in each of `RESAMPLES` resamples with replacement, some resamples at a time.

    A figure's sum over each resample is then a matrix product. The same seed gives the same resamples, so that figures
    of several models are compared on the same rows.

    Yields
    ------
    (rows, some) float32 whole numbers, each column with the sum `rows`
    """
    rng = np.random.default_rng(seed)
    most = max(1, COUNTS_AT_A_TIME // rows)
    for start in range(0, RESAMPLES, most):
        draws = [rng.integers(rows, size=rows) for _ in range(min(most, RESAMPLES - start))]
        yield np.stack([np.bincount(drawn, minlength=rows) for drawn in draws], axis=1).astype(np.float32)


def interval(figures: NDArray[np.floating], level: float = 0.95) -> tuple[float, float]:
    """Return between which two of the resamples' figures the middle `level` of them lie (percentile interval)."""
    low, high = np.quantile(figures, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
