"""Comparison of test rows and new examples with the value ranges of the training rows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from experiment.data.scaling import GREY, parts
from experiment.errors import DataError

OUTLIERS = 0.01  # a larger fraction of rows with values far outside causes a warning
NARROW = 0.05  # features that all cover a smaller fraction of the training range are on another scale
FEWEST_ROWS = 10  # fewer rows do not show a range


def check_scale(extremes: NDArray[np.float64], values: NDArray[np.generic], where: str) -> None:
    """Raise DataError if these pictures are on another scale than the training pictures: 0–1, 0–255, 0–65535, −1–1.

    `extremes`: (2, m), smallest and largest values of the training rows; `values`: (n, m).
    """
    first, trained = extremes.min(), extremes.max()
    low, high = float(values.min()), float(values.max())
    smaller, larger = trained > GREY and 0 < high <= 1, (trained <= 1 and high > GREY) or trained <= 255 < high
    if smaller or larger or low < 0 <= first:
        by_255 = min(first, low) >= 0 and max(trained, high) <= 255
        do = f"{'multiply' if smaller else 'divide'} them by 255" if by_255 else "bring them to the same scale"
        raise DataError(
            f"{where}: pictures in {min(low, 0):g} to {high:g}, but training pictures in {min(first, 0):g} to "
            f"{trained:g}; {do}"
        )


def outliers(
    extremes: NDArray[np.float64], values: NDArray[np.generic], where: str, names: Sequence[str] = ()
) -> tuple[str, ...]:
    """A warning about values unlike those of the training rows, or none.

    A value is far outside if its distance from the training range is larger than the range. Constant features do not
    count, because the model does not use them.

    `extremes`: (2, m), smallest and largest values of the training rows; `values`: (n, m);
    `names`: names of the features, or ().
    """
    low, high = extremes
    width = high - low
    varying = np.flatnonzero(width > 1e-9 * np.abs(extremes).max(axis=0))
    low, high, width = low[varying], high[varying], width[varying]
    far = np.concatenate(
        [(part < low - width) | (part > high + width) for part in (x[:, varying] for x in parts(values))]
    )
    rows = int(far.any(axis=1).sum())
    if rows > OUTLIERS * len(values):
        row, j = np.argwhere(far)[0]
        feature = varying[j]
        name = names[feature] if names else f"feature {feature}"
        return (
            f"{where}: {rows} of {len(values)} rows have values far outside the training range, {far.sum()} in "
            f"{far.any(axis=0).sum()} features, such as {name} {values[row, feature]:g} in row {row + 1} "
            f"(training range {low[j]:g} to {high[j]:g}): predictions for these rows are unreliable",
        )
    number = ~((low == 0) & (low + width == 1) & np.isin(values[:, varying], (0, 1)).all(axis=0))  # no category
    ranges = (np.ptp(values, axis=0)[varying] / width)[number] if len(values) >= FEWEST_ROWS else np.zeros(0)
    if ranges.any() and ranges.max() < NARROW:
        return (f"{where}: every feature covers less than {NARROW:.0%} of its training range: is it on another scale?",)
    return ()
