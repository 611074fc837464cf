"""Tables, pictures and charts as objects of W&B's client."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    import wandb
    from wandb.plot.custom_chart import CustomChart

ROWS = 10_000  # of a table: W&B shows no more


def table(frame: "pd.DataFrame") -> "wandb.Table":
    """A table in which NaN and infinity are empty, as W&B's tables do not support them."""
    import wandb

    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return wandb.Table(columns=list(frame.columns), data=[[finite(value) for value in row] for row in rows])


def finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def picture(path: Path, png: bytes) -> "wandb.Image":
    """A picture, byte for byte, which the client copies from `path`."""
    import wandb

    path.write_bytes(png)
    return wandb.Image(path)


def bars(title: str, values: Mapping[str, float]) -> "CustomChart":
    """A bar chart of the values, in their order."""
    import wandb

    data = wandb.Table(columns=["name", "value"], data=[list(item) for item in values.items()])
    return wandb.plot.bar(data, "name", "value", title)


def confusion(counts: NDArray[Any], class_names: Sequence[str]) -> "CustomChart":
    """W&B's own chart of a confusion matrix; for many classes only pairs that occurred.

    Parameters
    ----------
    counts : (c, c), rows are true classes
    """
    import wandb

    columns = "Actual", "Predicted", "nPredictions"
    every = counts.size <= ROWS
    data: list[Iterable[Any]] = [
        [class_names[true], class_names[predicted], int(count)]
        for true, row in enumerate(counts)
        for predicted, count in enumerate(row)
        if every or count
    ]
    return wandb.plot_table(
        "wandb/confusion_matrix/v1",
        wandb.Table(columns=list(columns), data=data),
        {column: column for column in columns},
        {"title": "Confusion matrix of the test set"},
    )
