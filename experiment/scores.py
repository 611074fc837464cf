"""What the test rows say beside accuracy: of each class precision, recall and F1; and calibration."""

import numpy as np
from numpy.typing import NDArray

from experiment.resampling import interval, resamples
from experiment.values import Frozen

BINS = 10  # of confidence, equally wide


class ClassScores(Frozen):
    """One class's; None where there is nothing to divide by."""

    rows: int  # that are of it
    precision: float | None  # of those taken for it, the fraction that are; None: none was taken for it
    recall: float | None  # of those that are of it, the fraction taken for it; None: there are none
    f1: float | None  # the harmonic mean of the two, 2·TP / (rows + taken for it)


def class_scores(confusion: NDArray[np.integer]) -> tuple[ClassScores, ...]:
    """Return each class's scores.

    Parameters
    ----------
    confusion : (c, c), rows are true classes, columns predicted ones
    """
    columns = confusion.diagonal().tolist(), confusion.sum(axis=1).tolist(), confusion.sum(axis=0).tolist()
    return tuple(
        ClassScores(
            rows=rows,
            precision=both / taken if taken else None,
            recall=both / rows if rows else None,
            f1=2 * both / (rows + taken) if rows + taken else None,
        )
        for both, rows, taken in zip(*columns, strict=True)
    )


class Bin(Frozen):
    """The rows whose predicted class got a probability between `low` and `high`."""

    low: float
    high: float
    rows: int
    confidence: float | None  # the mean of these probabilities; None: there are no rows
    accuracy: float | None


class Calibration(Frozen):
    """Whether predictions are right as often as their probabilities say."""

    bins: tuple[Bin, ...]  # the reliability curve
    error: float  # expected calibration error: Σ rows / n · |accuracy − confidence| over the bins
    interval: tuple[float, float]  # 95 % of it, by bootstrap over the rows


def calibration(confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> Calibration:
    """Return the reliability curve and the expected calibration error (Guo et al., ICML 2017).

    Noise alone makes it larger than 0, in a resample still larger: hence the basic bootstrap interval, which takes the
    resamples' excess over the error off it (Davison & Hinkley, 1997, equation 5.6), and from 0 on where a model that is
    calibrated would have as large an error in 5 % of resamples.

    Parameters
    ----------
    confidence : (n,) probability of each row's predicted class
    correct : (n,) whether that is its true one
    """
    of = np.minimum((confidence * BINS).astype(int), BINS - 1)[:, None] == np.arange(BINS)
    sums = np.concatenate([of, of * correct[:, None], of * confidence[:, None]], axis=1, dtype=np.float32)
    rows, right, confident = np.split(sums.sum(axis=0, dtype=np.float64), 3)
    error, n = float(np.abs(right - confident).sum() / len(sums)), len(sums)
    gap = (right - confident)[:, None] / n
    gaps = np.concatenate([sums[:, BINS:].T @ (counts / counts.sum(axis=0)) for counts in resamples(n)], axis=1)
    gaps = gaps[:BINS] - gaps[BINS:]
    low, high = interval(np.abs(gaps).sum(axis=0))
    noise = np.quantile(np.abs(gaps - gap).sum(axis=0), 0.95)
    return Calibration(
        bins=tuple(
            Bin(
                low=k / BINS,
                high=(k + 1) / BINS,
                rows=int(rows[k]),
                confidence=float(confident[k] / rows[k]) if rows[k] else None,
                accuracy=float(right[k] / rows[k]) if rows[k] else None,
            )
            for k in range(BINS)
        ),
        error=error,
        interval=(max(2 * error - high, 0.0) if error > noise else 0.0, max(2 * error - low, error)),
    )
