"""Precision, recall and F1 of each class, and calibration."""

import numpy as np
from numpy.typing import NDArray

from experiment.resampling import interval, resamples
from experiment.values import Frozen

BINS = 10  # of confidence, equally wide


class ClassScores(Frozen):
    """The scores of one class; None where the denominator is 0."""

    rows: int
    precision: float | None  # correct predictions / predictions
    recall: float | None  # correct predictions / rows
    f1: float | None  # harmonic mean of the two: 2 · correct predictions / (rows + predictions)


def class_scores(confusion: NDArray[np.integer]) -> tuple[ClassScores, ...]:
    """The scores of each class from a confusion matrix (c, c): rows are true classes, columns predicted ones."""
    columns = confusion.diagonal().tolist(), confusion.sum(axis=1).tolist(), confusion.sum(axis=0).tolist()
    return tuple(
        ClassScores(
            rows=rows,
            precision=correct / predicted if predicted else None,
            recall=correct / rows if rows else None,
            f1=2 * correct / (rows + predicted) if rows + predicted else None,
        )
        for correct, rows, predicted in zip(*columns, strict=True)
    )


class Bin(Frozen):
    """The rows whose predicted class has a probability between `low` and `high`."""

    low: float
    high: float
    rows: int
    confidence: float | None  # mean of these probabilities; None: no rows
    accuracy: float | None


class Calibration(Frozen):
    """The agreement of predicted probabilities with the fraction of correct predictions."""

    bins: tuple[Bin, ...]  # the reliability curve
    error: float  # expected calibration error: Σ rows / n · |accuracy − confidence| over the bins
    interval: tuple[float, float]  # 95 % interval, by bootstrap over the rows


def calibration(confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> Calibration:
    """The reliability curve and the expected calibration error (Guo et al., ICML 2017).

    Noise makes the error larger than 0, and still larger in a resample. The basic bootstrap interval corrects for that
    (Davison & Hinkley, 1997, equation 5.6). It starts at 0 if a calibrated model has such an error in 5 % of resamples.

    `confidence`: (n,) probability of each row's predicted class; `correct`: (n,) whether that class is the true one.
    """
    in_bin = np.minimum((confidence * BINS).astype(int), BINS - 1)[:, None] == np.arange(BINS)
    sums = np.concatenate([in_bin, in_bin * correct[:, None], in_bin * confidence[:, None]], axis=1, dtype=np.float32)
    rows, hits, confident = np.split(sums.sum(axis=0, dtype=np.float64), 3)
    error, n = float(np.abs(hits - confident).sum() / len(sums)), len(sums)
    gap = (hits - confident)[:, None] / n
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
                accuracy=float(hits[k] / rows[k]) if rows[k] else None,
            )
            for k in range(BINS)
        ),
        error=error,
        interval=(max(2 * error - high, 0.0) if error > noise else 0.0, max(2 * error - low, error)),
    )
