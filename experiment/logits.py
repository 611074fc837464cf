"""The affine layer on unscaled examples."""

import numpy as np
from numpy.typing import NDArray

from experiment.data.scaling import Scaling, scaled

BLOCK = 16384  # rows at a time


def logits(
    W: NDArray[np.float32], b: NDArray[np.float32], scaling: Scaling, values: NDArray[np.generic], first: int = 0
) -> NDArray[np.floating]:
    """scaled(x) W + b: (n, c) float32, float64 for blocks where that overflows; always in the same blocks of rows.

    Parameters
    ----------
    W, b : (m, c) and (c,)
    values : (n, m), unscaled features
    first : the number of preceding rows, for messages
    """
    blocks = []
    for start in range(0, len(values), BLOCK):
        inputs = scaled(scaling, values[start : start + BLOCK], first + start)
        with np.errstate(over="ignore", invalid="ignore"):
            z = inputs @ W + b
        blocks.append(z if np.isfinite(z).all() else inputs.astype(np.float64) @ W + b)
    return np.concatenate(blocks)
