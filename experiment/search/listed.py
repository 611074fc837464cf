"""Combinations and grids that are listed, in files or as JSON."""

import csv
import json
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiment.axes import AXES, Combination
from experiment.search.space import Range, Space
from experiment.values import expanded

if TYPE_CHECKING:
    from experiment.config import Experiment

FEW = 8  # values of an axis whose effects are estimated one by one
LEADERBOARD = {"rank", "val_accuracy", "wandb_runs"}  # columns by which it is known


def listed(given: Any) -> Any:
    """A dict for each row of CSV, JSON or Parquet files, or of JSON texts; other values as they are.

    Cells without a value are left out, and so are the figures of a leaderboard. ValueError says what is wrong with one.
    """
    texts = [given] if isinstance(given, str | Path) else given
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str | Path) for text in texts):
        return given
    try:
        tables = [json.loads(text) if str(text).lstrip().startswith("[") else rows_of(Path(text)) for text in texts]
        rows = [row for table in tables for row in table]
    except (OSError, ValueError, csv.Error, AttributeError, TypeError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise ValueError(f"{reason}: give a CSV, JSON or Parquet file with a column for each axis") from None
    if not all(isinstance(row, dict) and row for row in rows) or not rows:
        raise ValueError("it lists no combinations: give a row for each, with a column for each axis")
    return rows


def rows_of(path: Path) -> list[dict[str, Any]]:
    path = expanded(path)
    if path.suffix == ".json":
        rows = json.loads(path.read_text("utf-8"))
        if not isinstance(rows, list):
            raise ValueError("it is no list of objects")
    elif path.suffix == ".parquet":
        from pyarrow import parquet  # slow to import

        rows = parquet.read_table(path).to_pylist()
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True, skipinitialspace=True)
            rows, names = list(table), table.fieldnames or []
        if len(set(names)) < len(names):
            raise ValueError("a column occurs twice")
        if any(None in row for row in rows):
            raise ValueError("a row has more cells than there are columns")
    if rows and set(rows[0]) >= LEADERBOARD:
        left_out = {name: field.default for name, field in Combination.model_fields.items() if not field.is_required()}
        rows = [left_out | {name: row[name] for name in row if name in AXES} for row in rows if present(row["rank"])]
    return [{name: cell for name, cell in row.items() if present(cell)} for row in rows]


def present(cell: Any) -> bool:
    return cell not in ("", None) and cell == cell


def space_of(experiment: "Experiment") -> Space | None:
    """The space that combinations were drawn from; None: they are a grid.

    An axis on which most listed combinations have a value of their own, as if drawn elsewhere, is a range.
    """
    if experiment.drawn_by:
        return experiment.grid
    if not experiment.grids:
        return None
    every = experiment.combinations
    space = {name: sorted({getattr(one, name) for one in every}) for name in AXES}
    drawn = {
        name: Range(low=values[0], high=values[-1])
        for name, values in space.items()
        if len(values) > max(FEW, len(every) / 2) and (AXES[name].scale == "linear" or values[0] > 0)
    }
    whole = prod(map(len, space.values())) == len(every)
    return {**experiment.grid, **drawn} if drawn and not whole else None
