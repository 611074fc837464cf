"""What there is to look at in a W&B run: tables, pictures, charts, the outcome in words.

All that a step shows goes into one row of the run's history, which is complete when the run ends.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from execution.config import RunContext
from execution.tracking.mode import harmless

if TYPE_CHECKING:
    import pandas as pd
    import wandb
    from wandb.plot.custom_chart import CustomChart

ROWS = 10_000  # of a table: W&B shows no more


def show(execution: RunContext, run: "wandb.Run", name: str, make: Callable[[], object]) -> None:
    """Log what `make` returns under a name; it is not asked where nobody tracks."""
    if not run.disabled:
        with harmless(execution, f"{name} of run {run.id}"):
            run.log({name: make()}, commit=False)


def show_picture(execution: RunContext, run: "wandb.Run", name: str, png: bytes) -> None:
    """Log a picture, byte for byte."""

    def picture() -> "wandb.Image":
        import wandb

        path.write_bytes(png)
        return wandb.Image(path)

    if not run.disabled:
        with TemporaryDirectory() as folder:  # the client copies what lies there, and goes by the end of its name
            path = Path(folder, f"{name}.png")
            show(execution, run, name, picture)


def table(frame: "pd.DataFrame") -> "wandb.Table":
    """Return a table with nothing where there is no finite number: W&B's tables know neither infinity nor NaN."""
    import wandb

    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return wandb.Table(columns=list(frame.columns), data=[[finite(value) for value in row] for row in rows])


def finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def bars(title: str, values: Mapping[str, float]) -> "CustomChart":
    """Return a bar for each value, in their order."""
    import wandb

    data = wandb.Table(columns=["name", "value"], data=[list(item) for item in values.items()])
    return wandb.plot.bar(data, "name", "value", title)


def confusion(counts: NDArray[Any], class_names: Sequence[str]) -> "CustomChart":
    """Return W&B's own picture of a confusion matrix; of many classes only the pairs that occurred.

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


def note(execution: RunContext, run: "wandb.Run", paragraphs: Sequence[str]) -> None:
    """Put paragraphs into the run's notes, after the user's own; not again into those of a resumed run."""
    if run.disabled:
        return
    noted = run.notes or ""
    with harmless(execution, f"the notes of run {run.id}"):
        run.notes = "\n\n".join([*([noted] if noted else []), *(text for text in paragraphs if text not in noted)])
