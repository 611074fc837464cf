"""Comparison of test rows and new examples with the value ranges of the training rows."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from experiment.data.scaling import GREY, extremes_of, parts
from experiment.errors import DataError

OUTLIERS = 0.01  # a larger fraction of rows with values far outside causes a warning
OUTSIDE = 0.9  # a feature outside its training range in a larger fraction of rows is on another scale
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

    `extremes`: (2, m), smallest and largest values of the training rows; `values`: (n, m), NaN where missing;
    `names`: names of the features, or ().
    """
    low, high = extremes
    width = high - low
    varying = np.flatnonzero(width > 1e-9 * np.abs(extremes).max(axis=0))
    low, high, width = low[varying], high[varying], width[varying]

    def new() -> Iterator[NDArray[np.float64]]:
        return (part[:, varying] for part in parts(values))

    def name(j: int) -> str:
        return names[varying[j]] if names else f"feature {varying[j]}"

    far = np.concatenate([(part < low - width) | (part > high + width) for part in new()])
    rows, n = int(far.any(axis=1).sum()), len(values)
    if rows > OUTLIERS * n:
        row, j = np.argwhere(far)[0]
        return (
            f"{where}: {rows} of {n} rows have values far outside the training range, {far.sum()} in "
            f"{far.any(axis=0).sum()} features, such as {name(j)} {values[row, varying[j]]:g} in row {row + 1} "
            f"(training range {low[j]:g} to {high[j]:g}): predictions for these rows are unreliable",
        )
    if n < FEWEST_ROWS:
        return ()
    outside = sum(((part < low) | (part > high)).sum(axis=0) for part in new())
    smallest, largest = extremes_of(values)[:, varying]
    if outside.max(initial=0) > OUTSIDE * n:
        j = outside.argmax()
        return (
            f"{where}: {outside[j]} of {n} rows are outside the training range of {name(j)}, {low[j]:g} to "
            f"{high[j]:g} (here {smallest[j]:g} to {largest[j]:g}): is it on another scale?",
        )
    category = (low == 0) & (high == 1) & np.all([((part == 0) | (part == 1)).all(axis=0) for part in new()], axis=0)
    ranges = np.nan_to_num(largest - smallest)[~category] / width[~category]
    if ranges.any() and ranges.max() < NARROW:
        return (f"{where}: every feature covers less than {NARROW:.0%} of its training range: is it on another scale?",)
    return ()
