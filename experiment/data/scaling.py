"""Scaling of features to inputs that SGD can learn from."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.data.formats import Arrays
from experiment.errors import DataError
from softmax.loss import normalized

Missing = Literal["mean", "most-frequent"]
Kind = Literal["grey-levels", "unit", "standardize", "none"]
ScalingOption = Literal["auto", Kind]
FORMULAS: dict[Kind, str] = {
    "grey-levels": "x / 255 - 0.5",
    "unit": "x - 0.5",
    "standardize": "each feature to mean 0 and deviation 1",
    "none": "as they are",
}
GREY = 127  # grey levels on the scale 0–255 reach beyond half of it
LARGEST = 1e150  # that can be standardized: the sum of squares must be a float64
BLOCK = 4096  # rows at a time: bounds the float64 copy
LOGIT_ROWS = 16384  # rows at a time


class Scaling(NamedTuple):
    """A scaling with its statistics."""

    kind: Kind
    statistics: NDArray[np.float64] | None  # (2, m) means and deviations, for `standardize`
    extremes: NDArray[np.float64]  # (2, m) smallest and largest values of the training rows
    fill: NDArray[np.float64] | None = None  # (m,) replacements of missing values; None: none are missing


def choose(values: NDArray[np.generic], pictures: bool) -> tuple[Kind, str]:
    """The scaling that suits the features, and the reason.

    Pictures in 0–255 with values above 127 are grey levels; pictures in 0–1 are shifted; other data is standardized.

    `values`: (n, m), the training rows.
    """
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    what = f"{'pictures' if pictures else 'features'} from {low:g} to {high:g}"
    if pictures and low >= 0 and high <= 1:
        return "unit", what
    if pictures and low >= 0 and GREY < high <= 255:
        return "grey-levels", what
    return "standardize", what


def fit(kind: Kind, values: NDArray[np.generic], missing: Missing | None = None) -> Scaling:
    """The scaling with its statistics of these rows.

    Means and deviations (divisor n) are float64. A feature that is constant up to rounding has an infinite deviation,
    so its input is always 0: its variance s² is at most n ε s² + (n ε mean)² with the machine epsilon ε, as in
    `sklearn.preprocessing.StandardScaler`.

    `values`: (n, m), the training rows;
    `missing`: how missing values (NaN) are filled in first; None: none are missing.
    """
    fill = None
    if missing:
        from sklearn.impute import SimpleImputer  # takes two seconds

        imputer = SimpleImputer(strategy=missing.replace("-", "_"), keep_empty_features=True)  # these get 0
        fill = imputer.fit(values.astype(np.float64)).statistics_
    values = filled(values, fill)
    extremes = extremes_of(values)
    if kind != "standardize":
        return Scaling(kind, None, extremes, fill)
    n = len(values)
    mean = sum(part.sum(axis=0) for part in parts(values)) / n
    variance = sum(((part - mean) ** 2).sum(axis=0) for part in parts(values)) / n
    rounding = n * np.finfo(np.float64).eps
    constant = variance <= rounding * variance + (rounding * mean) ** 2
    return Scaling(kind, np.stack([mean, np.where(constant, np.inf, np.sqrt(variance))]), extremes, fill)


def filled(values: NDArray[Any], fill: NDArray[np.float64] | None) -> NDArray[Any]:
    """The values with missing values replaced."""
    return values if fill is None else np.where(np.isnan(values), fill, values)


def extremes_of(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """The smallest and the largest value of each feature, (2, m), without missing values."""
    return np.stack([np.fmin.reduce(values), np.fmax.reduce(values)]).astype(np.float64)


def scaled(scaling: Scaling, values: NDArray[np.generic], first: int = 0) -> NDArray[np.float32]:
    """Scaled inputs: (n, m) float32, computed in float64 (grey levels in float32, as in the compiled kernel).

    `values`: (n, m); `first`: the number of preceding rows, for messages.
    DataError: an input is beyond float32.
    """
    values = filled(values, scaling.fill)
    if scaling.kind == "grey-levels":
        return normalized(values)
    inputs = np.empty(values.shape, np.float32)
    with np.errstate(over="ignore"):
        for i, part in enumerate(parts(values)):
            if scaling.statistics is not None:
                mean, deviation = scaling.statistics
                part = (part - mean) / deviation
            elif scaling.kind == "unit":
                part = part - 0.5
            inputs[i * BLOCK : i * BLOCK + len(part)] = part
    if inputs.size and not np.isfinite([inputs.min(), inputs.max()]).all():
        row, feature = np.argwhere(~np.isfinite(inputs))[0]
        raise DataError(
            f"row {first + row + 1}, feature {feature}: {values[row, feature]:g} is beyond float32 after scaling "
            f"({FORMULAS[scaling.kind]}); remove the row or choose another scaling"
        )
    return inputs


def logits(
    W: NDArray[np.float32], b: NDArray[np.float32], scaling: Scaling, values: NDArray[np.generic], first: int = 0
) -> NDArray[np.floating]:
    """The logits scaled(x) W + b of unscaled examples, always in the same blocks of rows.

    (n, c) float32; float64 for blocks where that overflows.

    `W`, `b`: (m, c) and (c,); `values`: (n, m), unscaled features;
    `first`: the number of preceding rows, for messages.
    """
    blocks = []
    for start in range(0, len(values), LOGIT_ROWS):
        inputs = scaled(scaling, values[start : start + LOGIT_ROWS], first + start)
        with np.errstate(over="ignore", invalid="ignore"):
            z = inputs @ W + b
        blocks.append(z if np.isfinite(z).all() else inputs.astype(np.float64) @ W + b)
    return np.concatenate(blocks)


def parts(values: NDArray[np.generic]) -> Iterator[NDArray[np.float64]]:
    """The rows as float64, in blocks."""
    yield from (values[start : start + BLOCK].astype(np.float64) for start in range(0, len(values), BLOCK))


def check_range(arrays: Arrays, kind: str, given: object) -> None:
    """Raise DataError if values are too large for the scaling (or for one that "auto" may choose)."""
    largest = LARGEST if kind in ("auto", "standardize") else float(np.finfo(np.float32).max)
    for side, values in (("train", arrays.train_images), ("test", arrays.test_images)):
        if max(float(np.nanmax(values)), -float(np.nanmin(values))) > largest:
            row, feature = np.argwhere(np.abs(values) > largest)[0]
            raise DataError(
                f"{given}: {values[row, feature]:g} in {side} row {row + 1}, feature {feature} is beyond "
                f"{largest:.0e}, the limit of scaling {kind}; rescale it"
            )
