"""The model of a sweep: what it says of new examples."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.data.scaling import FORMULAS, Scaling, scaled
from experiment.data.schema import Schema
from experiment.errors import DataError
from softmax.loss import softmax

ROWS = 16384  # at a time


class Model(NamedTuple):
    """All that a prediction needs."""

    W: NDArray[np.float32]  # (m, c)
    b: NDArray[np.float32]  # (c,)
    scaling: Scaling
    class_names: tuple[str, ...]  # c of them
    table: Schema | None  # what the columns of the table it was trained on are; None: arrays

    def probabilities(self, values: NDArray[np.generic], first: int = 0) -> NDArray[np.float32]:
        """Return softmax(scaled(x) W + b): (n, c) of (n, m) features as the data has them; parameters as `logits`."""
        return np.asarray(softmax(logits(self.W, self.b, self.scaling, values, first)), np.float32)


def logits(
    W: NDArray[np.float32], b: NDArray[np.float32], scaling: Scaling, values: NDArray[np.generic], first: int = 0
) -> NDArray[np.float32]:
    """Return scaled(x) W + b: (n, c) float32, some rows at a time, always the same ones together.

    Parameters
    ----------
    W, b : (m, c) and (c,)
    values : (n, m), features as the data has them
    first : how many rows of the data come before these, for messages
    """
    starts = range(0, len(values), ROWS)
    return np.concatenate([scaled(scaling, values[at : at + ROWS], first + at) @ W + b for at in starts])


def load_model(path: Path) -> Model:
    """Return the model in a sweep's `model.npz`.

    Raises
    ------
    DataError : the file is missing, truncated or altered, or no model of this program
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except Exception as error:  # zipfile's and NumPy's own, of all kinds
        raise DataError(f"{path}: cannot be read as a model ({error}); give a sweep's model.npz") from error
    if str(found.get("columns", "[]")) != "[]":
        raise DataError(f"{path}: of a table, by an earlier version, which read columns otherwise; run the sweep again")
    try:
        model = Model(
            W=found["W"],
            b=found["b"],
            scaling=Scaling(str(found["scaling"]), found.get("scaling_statistics")),  # type: ignore[arg-type]
            class_names=tuple(map(str, found["class_names"])),
            table=Schema.model_validate_json(str(found["table"])) if "table" in found else None,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path}: no model of this program ({error}); give a sweep's model.npz") from error
    m, c = model.W.shape if model.W.ndim == 2 else (0, 0)
    statistics = model.scaling.statistics
    whole = (
        model.b.shape == (c,)
        and len(model.class_names) == c > 1
        and model.scaling.kind in FORMULAS
        and (statistics is not None) == (model.scaling.kind == "standardize")
        and (statistics is None or statistics.shape == (2, m))
        and (model.table is None or len(model.table.names) == m)
        and bool(np.isfinite(model.W).all() and np.isfinite(model.b).all())
    )
    if not whole:
        raise DataError(f"{path}: its parts do not fit together, it has been altered; give a sweep's model.npz")
    return model
