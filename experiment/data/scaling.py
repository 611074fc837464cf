"""Features as the data has them, to inputs that SGD can learn from."""

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
GREY = 127  # levels that reach beyond half of 255 were meant to be on that scale
LARGEST = 1e150  # to be standardized: the sum of squares has to be a float64
ROWS = 4096  # at a time, so that no float64 copy of all is made


class Scaling(NamedTuple):
    """How features become inputs."""

    kind: Kind
    statistics: NDArray[np.float64] | None  # (2, m) means and deviations, to standardize by
    extremes: NDArray[np.float64]  # (2, m) least and greatest values of the rows trained on
    fill: NDArray[np.float64] | None = None  # (m,) in place of missing values; None: there are none


def choose(values: NDArray[np.generic], pictures: bool) -> tuple[Kind, str]:
    """Return which scaling suits the features, and why.

    Pictures in 0–255, if they reach beyond 127, are grey levels; pictures in 0–1 are shifted; all else is standardized.

    Parameters
    ----------
    values : (n, m), the rows that are trained on
    """
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    what = f"{'pictures' if pictures else 'features'} in numbers from {low:g} to {high:g}"
    if pictures and low >= 0 and high <= 1:
        return "unit", what
    if pictures and low >= 0 and GREY < high <= 255:
        return "grey-levels", what
    return "standardize", what


def fit(kind: Kind, values: NDArray[np.generic], missing: Missing | None = None) -> Scaling:
    """The scaling with its statistics, which come from these rows alone.

    Means and deviations (of all n, not n − 1) in float64; an infinite deviation for a feature that is constant up to
    rounding, so that it becomes 0 wherever it occurs: its variance s² is at most n ε s² + (n ε mean)², ε the spacing of
    float64 at 1, as `sklearn.preprocessing.StandardScaler` has it.

    Parameters
    ----------
    values : (n, m), the rows that are trained on
    missing : how missing values, NaN, are filled in before all else; None: there are none
    """
    fill = None if missing is None else fill_of(values, missing)
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


def fill_of(values: NDArray[np.generic], missing: Missing) -> NDArray[np.float64]:
    """Mean or most frequent value (the least, on a tie) of each feature, (m,); 0 where all are missing."""
    fill = np.zeros(values.shape[1])
    for j, column in enumerate(values.T):
        given = column[~np.isnan(column)].astype(np.float64)
        if given.size and missing == "mean":
            fill[j] = given.mean()
        elif given.size:
            found, counts = np.unique(given, return_counts=True)
            fill[j] = found[counts.argmax()]
    return fill


def filled(values: NDArray[Any], fill: NDArray[np.float64] | None) -> NDArray[Any]:
    """The values with missing ones filled in."""
    return values if fill is None else np.where(np.isnan(values), fill, values)


def extremes_of(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """The least and the greatest value of each feature, (2, m); missing ones do not count."""
    return np.stack([np.fmin.reduce(values), np.fmax.reduce(values)]).astype(np.float64)


def scaled(scaling: Scaling, values: NDArray[np.generic], first: int = 0) -> NDArray[np.float32]:
    """Return inputs: (n, m) float32, computed in float64 (grey levels in float32, as the compiled kernel does).

    Parameters
    ----------
    values : (n, m)
    first : how many rows of the data come before these, for messages

    Raises
    ------
    DataError : an input is beyond float32
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
            inputs[i * ROWS : i * ROWS + len(part)] = part
    if inputs.size and not np.isfinite([inputs.min(), inputs.max()]).all():
        row, feature = np.argwhere(~np.isfinite(inputs))[0]
        raise DataError(
            f"row {first + row + 1}, feature {feature}: {values[row, feature]:g} is beyond float32 when scaled "
            f"({FORMULAS[scaling.kind]}); remove the row or choose another scaling"
        )
    return inputs


def parts(values: NDArray[np.generic]) -> Iterator[NDArray[np.float64]]:
    """Yield the rows as float64, some at a time."""
    yield from (values[start : start + ROWS].astype(np.float64) for start in range(0, len(values), ROWS))


def check_range(arrays: Arrays, kind: str, given: object) -> None:
    """Raise DataError if values are too large for the scaling that they would get, "auto" included."""
    largest = LARGEST if kind in ("auto", "standardize") else float(np.finfo(np.float32).max)
    for side, values in (("train", arrays.train_images), ("test", arrays.test_images)):
        if max(float(np.nanmax(values)), -float(np.nanmin(values))) > largest:
            row, feature = np.argwhere(np.abs(values) > largest)[0]
            raise DataError(
                f"{given}: {values[row, feature]:g} in {side} row {row + 1}, feature {feature} is beyond "
                f"{largest:.0e}, the most that scaling {kind} can take; rescale it"
            )
