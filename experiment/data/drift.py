"""Rows that come after training, a test part or new examples, held to the values of the rows trained on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from experiment.data.scaling import GREY, parts
from experiment.errors import DataError

MANY = 0.01  # of the rows: more with a value far outside are worth a warning
NARROW = 0.05  # of the range trained on: if all features have so narrow a one, they are on another scale
ROWS = 10  # from which on ranges can be compared


def check_scale(extremes: NDArray[np.float64], values: NDArray[np.generic], where: str) -> None:
    """Raise DataError if pictures trained on were grey levels 0–255 and these are in 0–1, or the other way round.

    Parameters
    ----------
    extremes : (2, m), least and greatest values of the rows trained on
    values : (n, m)
    """
    low, trained, high = float(values.min()), extremes.max(), float(values.max())
    if extremes.min() >= 0 and low >= 0:
        if trained > GREY and 0 < high <= 1:
            raise DataError(f"{where}: pictures in 0 to {high:g}, trained on 0 to {trained:g}; multiply them by 255")
        if trained <= 1 and high > GREY:
            raise DataError(f"{where}: pictures in 0 to {high:g}, trained on 0 to {trained:g}; divide them by 255")


def outliers(
    extremes: NDArray[np.float64], values: NDArray[np.generic], where: str, names: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return what is to be said of values unlike those trained on: a sentence, or none.

    Far outside is a value that is further outside the range trained on than that range is wide. Features that were
    constant do not count: they have no part in the model.

    Parameters
    ----------
    extremes : (2, m), least and greatest values of the rows trained on
    values : (n, m)
    names : of the features; () if they have none
    """
    low, high = extremes
    width = high - low
    varying = np.flatnonzero(width > 1e-9 * np.abs(extremes).max(axis=0))
    low, high, width = low[varying], high[varying], width[varying]
    far = np.concatenate(
        [(part < low - width) | (part > high + width) for part in (x[:, varying] for x in parts(values))]
    )
    rows = int(far.any(axis=1).sum())
    if rows > MANY * len(values):
        row, j = np.argwhere(far)[0]
        feature = varying[j]
        name = names[feature] if names else f"feature {feature}"
        return (
            f"{where}: {rows} of {len(values)} rows have values far outside those trained on, {far.sum()} in "
            f"{far.any(axis=0).sum()} features, as {name} {values[row, feature]:g} in row {row + 1} "
            f"(trained on {low[j]:g} to {high[j]:g}): what is said of them is a guess",
        )
    ranges = (np.ptp(values, axis=0)[varying] / width) if len(values) >= ROWS else np.zeros(0)
    if ranges.any() and ranges.max() < NARROW:
        return (
            f"{where}: every feature has less than {NARROW:.0%} of the range that was trained on: on another scale?",
        )
    return ()
