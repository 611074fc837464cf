"""In place of pictures, whose drawing is the half of a small sweep: a digest of what they would show, as a picture.

For sweeps whose pictures nobody looks at. With what they show it differs, as the whole would.
"""

import hashlib
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from report import parallel, pictures, replay


def use_sketches(replace: Callable[[Any, str, Any], None]) -> None:
    """Have what draws pictures replaced, by `setattr` say."""
    for name in ("learning_curves", "confusion", "weights"):
        replace(pictures, name, sketching(name))
    replace(parallel, "parallel_coordinates", sketching("parallel_coordinates"))
    replace(replay, "picture", sketching("replay"))
    replace(pictures, "png", png)


def sketching(name: str) -> Callable[..., bytes]:
    def sketch(*shown: Any, **about: Any) -> bytes:
        return hashlib.sha256(repr((name, plain(shown), plain(about))).encode()).digest()

    return sketch


def plain(shown: Any) -> Any:
    if isinstance(shown, np.ndarray):
        return shown.tobytes()
    if isinstance(shown, pd.DataFrame):
        return shown.to_csv()
    if isinstance(shown, Mapping):
        return [(plain(key), plain(value)) for key, value in shown.items()]
    if isinstance(shown, tuple | list):
        return [plain(one) for one in shown]
    return shown


def png(sketch: bytes) -> bytes:
    """Return a small PNG file of what `sketching` gave."""
    buffer = io.BytesIO()
    Image.frombytes("L", (8, 4), sketch).save(buffer, "png")
    return buffer.getvalue()
