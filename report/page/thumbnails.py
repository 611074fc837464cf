"""Examples and weights as small images: data URLs of PNG files."""

import base64
import io

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image


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
