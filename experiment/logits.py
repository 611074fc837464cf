"""The affine layer on examples as the data has them."""

import numpy as np
from numpy.typing import NDArray

from experiment.data.scaling import Scaling, scaled

ROWS = 16384  # at a time


def logits(
    W: NDArray[np.float32], b: NDArray[np.float32], scaling: Scaling, values: NDArray[np.generic], first: int = 0
) -> NDArray[np.floating]:
    """Return scaled(x) W + b: (n, c) float32, float64 where that overflows; some rows at a time, always the same ones.

    Parameters
    ----------
    W, b : (m, c) and (c,)
    values : (n, m), features as the data has them
    first : how many rows of the data come before these, for messages
    """
    found = []
    for at in range(0, len(values), ROWS):
        inputs = scaled(scaling, values[at : at + ROWS], first + at)
        with np.errstate(over="ignore", invalid="ignore"):
            z = inputs @ W + b
        found.append(z if np.isfinite(z).all() else inputs.astype(np.float64) @ W + b)
    return np.concatenate(found)
