"""The data of the page, as JSON: combinations with metrics and curves; classes with mistakes."""

import base64
import io
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from experiment.axes import axes_of
from experiment.search.ranking import Candidate
from report.pictures import most_mistaken

POINTS = 400_000  # of all curves together, some megabytes
FEATURES, CLASSES = 40, 12  # in the table of coefficients
COMPARED = 100  # best combinations that the page compares in pairs
MOST, FEWEST = 200, 40  # points of a curve
COLUMNS = ("epoch", "train_loss", "val_loss", "val_accuracy")  # of a history


def page_data(
    ranking: Sequence[Candidate],
    histories: Sequence[NDArray[np.float64]],
    correct: Sequence[NDArray[np.floating]],
    ranges: Collection[str] = (),
) -> dict[str, Any]:
    """Axes, combinations (best first), curves, and the standard errors of differences between the best.

    Parameters
    ----------
    ranking : the candidates, best first
    histories : their histories with the first seed, (epochs, 4) as in `Trained`
    correct : for the best, (n,) whether validation rows are correct, mean over the seeds
    ranges : the hyperparameters that were drawn from ranges
    """
    axes = axes_of(candidate.combination for candidate in ranking)
    most = min(MOST, max(FEWEST, POINTS // len(histories)))
    return {
        "axes": [
            {"name": name, "label": axis.label, "scale": axis.scale, "range": name in ranges}
            for name, axis in axes.items()
        ],
        "combinations": [combination_data(rank, candidate, axes) for rank, candidate in enumerate(ranking, start=1)],
        "curves": [
            curve(history, candidate.trained[0].best_epoch, most)
            for candidate, history in zip(ranking, histories, strict=True)
        ],
        "errors": paired_errors(correct),
    }


def paired_errors(correct: Sequence[NDArray[np.floating]]) -> list[list[float]]:
    """The standard errors of differences of two mean accuracies: [i][j] for the candidates at i + 1 and j ≤ i.

    √(var(x_i − x_j) / n), as in `experiment.search.comparison`.
    """
    if not correct or len(correct[0]) < 2:
        return []
    covariance = np.cov(np.stack(correct)).reshape(len(correct), -1)
    variance = covariance.diagonal()
    variances = (variance[:, None] + variance - 2 * covariance).clip(0) / len(correct[0])
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
    """The classes (at most the `MOST_CLASSES` with most mistakes) and their confusion matrix.

    Parameters
    ----------
    W : (m, c)
    counts : (c, c), rows are true classes
    mistakes, mistaken : as in `Evaluation`
    picture : height and width of pictures; None: features
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
                "weights": weights_image(W[:, k], picture, limit) if picture else None,
                "mistakes": [
                    {
                        "row": int(row),
                        "predicted": class_names[int(predicted)],
                        "probability": probability,
                        "image": example_image(values, picture, low, high) if picture else None,
                    }
                    for (row, true, predicted, probability), values in zip(mistakes.tolist(), mistaken, strict=True)
                    if int(true) == k
                ],
            }
            for k in shown
        ],
    }


def coefficients_data(
    W: NDArray[np.floating], class_names: Sequence[str], counts: NDArray[np.integer], feature_names: Sequence[str]
) -> dict[str, Any]:
    """The largest coefficients: features in descending order, by class; at most `CLASSES` classes.

    Parameters
    ----------
    W : (m, c)
    feature_names : m names, or ()
    """
    shown = most_mistaken(counts, CLASSES).tolist()
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
    """The values of black and white in pictures: 0 and 255 for grey levels, otherwise the extremes."""
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (0.0, 255.0) if low >= 0 and 127 < high <= 255 else (low, high)


def combination_data(rank: int, candidate: Candidate, axes: Iterable[str]) -> dict[str, Any]:
    gap = candidate.gap
    return {
        "rank": rank,
        **{name: getattr(candidate.combination, name) for name in axes},
        "val_accuracy": None if candidate.diverged else candidate.val_accuracy,
        "val_cross_entropy": None if candidate.diverged else candidate.val_cross_entropy,
        "best_epoch": candidate.best_epoch,
        "epochs": sum(run.epochs_trained for run in candidate.trained),
        "diverged": candidate.diverged,
        "behind": gap and gap.difference,
        "behind_se": gap and gap.standard_error,
        "pruned": candidate.pruned,
        "near": rank == 1 or candidate.within_noise,
        **({"std": candidate.spread["val_accuracy"]} if candidate.spread else {}),
    }


def curve(history: NDArray[np.float64], best_epoch: int, most: int) -> dict[str, Any]:
    """About `most` epochs of a history, by column: the first, the last, the best, others at equal ratios.

    Values are rounded to five digits; values that are not finite are None.
    """
    count = len(history)
    rows = np.unique(np.geomspace(1, count, most).round().astype(int)) if count > most else np.arange(1, count + 1)
    rows = np.unique([*rows, min(max(best_epoch, 1), count)]) - 1 if count else np.arange(0)
    return {"best_epoch": best_epoch} | {
        name: [float(f"{value:.5g}") if np.isfinite(value) else None for value in history[rows, column]]
        for column, name in enumerate(COLUMNS)
    }


def example_image(values: NDArray[np.generic], picture: tuple[int, int], low: float, high: float) -> str:
    """The image of an example, black at `low`, white at `high`.

    Parameters
    ----------
    values : (m,)
    picture : height and width, with product m
    """
    levels = (values.astype(np.float64) - low) / ((high - low) or 1)
    return data_url(Image.fromarray((255 * levels.clip(0, 1)).round().astype(np.uint8).reshape(picture)))


def weights_image(w: NDArray[np.floating], picture: tuple[int, int], limit: float) -> str:
    """The image of the weights of a class: blue at −limit, white at 0, red at limit.

    Parameters
    ----------
    w : (m,)
    picture : height and width, with product m
    """
    shades = colormaps["RdBu_r"](0.5 + w.reshape(picture) / (2 * limit or 1))
    return data_url(Image.fromarray((255 * shades[..., :3]).round().astype(np.uint8)))


def data_url(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
