"""Examples and weights as small images that are part of a page: `data:` addresses of PNG files."""

import base64
import io
import math

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image


def square(features: int) -> int | None:
    """Return the side of the square image that so many features may be, None if they are none."""
    side = math.isqrt(features)
    return side if side * side == features and side > 1 else None


def example(values: NDArray[np.generic], low: float, high: float) -> str:
    """Return the address of an example, black at `low`, white at `high`.

    Parameters
    ----------
    values : (m,) with m a square number
    """
    side = math.isqrt(len(values))
    levels = (values.astype(np.float64) - low) / ((high - low) or 1)
    return address(Image.fromarray((255 * levels.clip(0, 1)).round().astype(np.uint8).reshape(side, side)))


def weights_of_class(w: NDArray[np.floating], limit: float) -> str:
    """Return the address of one class's weights: blue at −limit, white at 0, red at limit.

    Parameters
    ----------
    w : (m,) with m a square number
    """
    side = math.isqrt(len(w))
    shades = colormaps["RdBu_r"](0.5 + w.reshape(side, side) / (2 * limit or 1))
    return address(Image.fromarray((255 * shades[..., :3]).round().astype(np.uint8)))


def address(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
