"""The data of the page, as JSON: combinations with metrics and curves; classes with mistakes."""

import base64
import io
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from experiment.axes import AXES
from experiment.search.comparison import standard_errors
from report.pictures import most_mistaken

POINTS = 400_000  # of all curves together, some megabytes
FEATURES, CLASSES = 40, 12  # in the table of coefficients
COMPARED = 100  # best combinations that the page compares in pairs
MOST, FEWEST = 200, 40  # points of a curve
COLUMNS = ("epoch", "train_loss", "val_loss", "val_accuracy")  # of a history


def page_data(
    table: pd.DataFrame,
    histories: Sequence[tuple[NDArray[np.float64], int]],
    errors: list[list[float]],
    ranges: Collection[str] = (),
) -> dict[str, Any]:
    """Axes, combinations (best first), curves, and the standard errors of differences between the best.

    Parameters
    ----------
    table : the leaderboard
    histories : of each combination's first training, (epochs, 5) as in `Trained`, with its best epoch
    errors : `paired_errors`
    ranges : the hyperparameters that were drawn from ranges
    """
    most = min(MOST, max(FEWEST, POINTS // len(histories)))
    finite = table.astype(object).where(table.notna() & (table != np.inf), None)
    return {
        "axes": [
            {"name": name, "label": axis.label, "scale": axis.scale, "range": name in ranges}
            for name, axis in AXES.items()
            if name in table
        ],
        "combinations": finite.to_dict("records"),
        "curves": [curve(history, best_epoch, most) for history, best_epoch in histories],
        "errors": errors,
    }


def paired_errors(figures: Sequence[Sequence[float] | NDArray[np.floating]], factor: float) -> list[list[float]]:
    """The standard errors of differences of two means: [i][j] for the candidates at i + 1 and j ≤ i.

    `figures` : by candidate, one for each of n rows or of J folds; `factor` : 1 / n, or `Split.variance_factor`
    """
    if not figures or len(figures[0]) < 2:
        return []
    errors = (factor**0.5 * standard_errors(np.stack(figures))).round(6)
    return [row[:i].tolist() for i, row in enumerate(errors)][1:]


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
    picture : height and width; None: features
    """
    shown, limit = most_mistaken(counts).tolist(), float(np.abs(W).max(initial=0))
    # Black and white: 0 and 255 for grey levels, otherwise the extremes.
    low, high = (float(mistaken.min()), float(mistaken.max())) if mistaken.size else (0.0, 1.0)
    low, high = (0.0, 255.0) if low >= 0 and 127 < high <= 255 else (low, high)
    # Blue at −limit, white at 0, red at limit.
    weights = colormaps["RdBu_r"](0.5 + W.T[shown] / (2 * limit or 1))[..., :3]
    levels = ((mistaken.astype(np.float64) - low) / ((high - low) or 1)).clip(0, 1)
    return {
        "every": len(class_names),
        "drawn": picture is not None,
        "confusion": counts[np.ix_(shown, shown)].tolist(),
        "totals": counts.sum(axis=1)[shown].tolist(),
        "classes": [
            {
                "name": class_names[k],
                "weights": image(colors.reshape(*picture, 3)) if picture else None,
                "mistakes": [
                    {
                        "row": int(row),
                        "predicted": class_names[int(predicted)],
                        "probability": probability,
                        "image": image(values.reshape(picture)) if picture else None,
                    }
                    for (row, true, predicted, probability), values in zip(mistakes.tolist(), levels, strict=True)
                    if int(true) == k
                ],
            }
            for k, colors in zip(shown, weights, strict=True)
        ],
    }


def coefficients_data(
    W: NDArray[np.floating], class_names: Sequence[str], counts: NDArray[np.integer], feature_names: Sequence[str]
) -> dict[str, Any]:
    """The largest coefficients of W (m, c): features in descending order, by class; at most `CLASSES` classes."""
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


def image(levels: NDArray[np.floating]) -> str:
    """A PNG file as a data URL: grey levels (h, w) or colours (h, w, 3) from 0 to 1."""
    buffer = io.BytesIO()
    Image.fromarray((255 * levels).round().astype(np.uint8)).save(buffer, format="png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
