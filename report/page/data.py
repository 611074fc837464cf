"""What the page shows, as JSON: of every combination place, figures and curves; of every class its mistakes."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiment.axes import axes_of
from experiment.search.ranking import Candidate
from report.page.thumbnails import example, weights_of_class
from report.pictures import most_mistaken

POINTS = 400_000  # of all curves together: what a browser draws at once, in some megabytes
FEATURES, COEFFICIENTS = 40, 12  # that are shown of those whose coefficients are largest, and of classes
COMPARED = 100  # of the best that are compared with each other
MOST, FEWEST = 200, 40  # points of one curve
COLUMNS = ("epoch", "train_loss", "val_loss", "val_accuracy")  # of a history


def page_data(
    ranking: Sequence[Candidate],
    histories: Sequence[NDArray[np.float64]],
    correct: Sequence[NDArray[np.floating]],
    ranges: Collection[str] = (),
) -> dict[str, Any]:
    """Axes, combinations (best first), curves, and the standard errors of differences between the best, a list each.

    Parameters
    ----------
    ranking : the candidates, best first
    histories : of each, under its first seed, (epochs, 4) as `Trained` has them
    correct : of the best, (n,) which validation rows are right, mean over the seeds
    ranges : the hyperparameters that were drawn from ranges
    """
    axes = axes_of(candidate.combination for candidate in ranking)
    most = min(MOST, max(FEWEST, POINTS // len(histories)))
    return {
        "axes": [
            {"name": name, "label": axis.label, "scale": axis.scale, "range": name in ranges}
            for name, axis in axes.items()
        ],
        "combinations": [place(rank, candidate, axes) for rank, candidate in enumerate(ranking, start=1)],
        "curves": [
            curve(history, candidate.trained[0].best_epoch, most)
            for candidate, history in zip(ranking, histories, strict=True)
        ],
        "errors": paired_errors(correct),
    }


def paired_errors(correct: Sequence[NDArray[np.floating]]) -> list[list[float]]:
    """The standard error of the difference of each two mean accuracies: [i][j] of those at i + 1 and at j ≤ i.

    √(var(x_i − x_j) / n), as in `experiment.search.comparison`.
    """
    if not correct or len(correct[0]) < 2:
        return []
    covariance = np.cov(np.stack(correct)).reshape(len(correct), -1)
    own = covariance.diagonal()
    variances = (own[:, None] + own - 2 * covariance).clip(0) / len(correct[0])
    return [np.sqrt(row[:i]).round(6).tolist() for i, row in enumerate(variances)][1:]


def classes_data(
    W: NDArray[np.floating],
    class_names: Sequence[str],
    counts: NDArray[np.integer],
    mistakes: NDArray[np.float64],
    mistaken: NDArray[np.generic],
    *,
    picture: tuple[int, int] | None,
) -> dict[str, Any]:
    """The classes, of many the `MOST_CLASSES` with most mistakes, and how often one was taken for another.

    Parameters
    ----------
    W : (m, c)
    counts : (c, c), rows are true classes
    mistakes, mistaken : as `Evaluation` has them
    picture : height and width of examples that are pictures; None: features
    """
    shown = most_mistaken(counts).tolist()
    limit = float(np.abs(W).max(initial=0))
    low, high = shades(mistaken)
    return {
        "every": len(class_names),
        "drawn": picture is not None,
        "confusion": counts[np.ix_(shown, shown)].tolist(),
        "totals": counts.sum(axis=1)[shown].tolist(),
        "classes": [
            {
                "name": class_names[k],
                "weights": weights_of_class(W[:, k], picture, limit) if picture else None,
                "mistakes": [
                    {
                        "row": int(row),
                        "said": class_names[int(said)],
                        "probability": probability,
                        "image": example(values, picture, low, high) if picture else None,
                    }
                    for (row, true, said, probability), values in zip(mistakes.tolist(), mistaken, strict=True)
                    if int(true) == k
                ],
            }
            for k in shown
        ],
    }


def coefficients_data(
    W: NDArray[np.floating], class_names: Sequence[str], counts: NDArray[np.integer], feature_names: Sequence[str]
) -> dict[str, Any]:
    """The features with the largest coefficients, largest first, and these by class; of many classes as many as fit.

    Parameters
    ----------
    W : (m, c)
    feature_names : m of them, or none
    """
    shown = most_mistaken(counts, COEFFICIENTS).tolist()
    largest = np.argsort(-np.abs(W).max(axis=1), kind="stable")[:FEATURES].tolist()
    return {
        "every": len(W),
        "limit": float(np.abs(W).max(initial=0)),
        "classes": [class_names[k] for k in shown],
        "rows": [
            (feature_names[j] if feature_names else f"feature {j}", [float(f"{W[j, k]:.4g}") for k in shown])
            for j in largest
        ],
    }


def shades(values: NDArray[np.generic]) -> tuple[float, float]:
    """Return what is black and what is white in pictures with these values: grey levels reach from 0 to 255."""
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (0.0, 255.0) if low >= 0 and 127 < high <= 255 else (low, high)


def place(rank: int, candidate: Candidate, axes: Iterable[str]) -> dict[str, Any]:
    behind = candidate.behind
    return {
        "rank": rank,
        **{name: getattr(candidate.combination, name) for name in axes},
        "val_accuracy": None if candidate.diverged else candidate.val_accuracy,
        "val_cross_entropy": None if candidate.diverged else candidate.val_cross_entropy,
        "best_epoch": candidate.best_epoch,
        "epochs": sum(run.epochs_trained for run in candidate.trained),
        "diverged": candidate.diverged,
        "behind": behind and behind.difference,
        "behind_se": behind and behind.standard_error,
        "pruned": candidate.pruned,
        "near": rank == 1 or candidate.within_noise,
        **({"std": candidate.spread["val_accuracy"]} if candidate.spread else {}),
    }


def curve(history: NDArray[np.float64], best_epoch: int, most: int) -> dict[str, Any]:
    """At most about `most` epochs of a history, by name: the first, the last, the best, others at equal ratios.

    Values that are not finite are None; all are rounded to five digits.
    """
    count = len(history)
    rows = np.unique(np.geomspace(1, count, most).round().astype(int)) if count > most else np.arange(1, count + 1)
    rows = np.unique([*rows, min(max(best_epoch, 1), count)]) - 1 if count else np.arange(0)
    return {"best_epoch": best_epoch} | {
        name: [float(f"{value:.5g}") if np.isfinite(value) else None for value in history[rows, column]]
        for column, name in enumerate(COLUMNS)
    }
