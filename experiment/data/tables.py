"""Tables, CSV and Parquet: one row an example, one column the label, the others numbers or categories."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiment.data.raw import Column, Part, Raw
from experiment.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".parquet")
MOST_CATEGORIES = 256  # texts in a column: more are names or sentences, not categories


def read_tables(train: Path, test: Path | None, label: str | None) -> Raw:
    """Read a table to train on and, if there is one, a table to test on, whose columns are matched by name.

    Raises
    ------
    DataError : a file is no such table; the label column is not named or not there; a column cannot be used
    """
    frame = read_frame(train)
    if label is None:
        listed = ", ".join(map(str, frame.columns[:20]))
        raise DataError(f"{train}: name the column to predict as label; its columns are {listed}")
    columns = columns_of(without(frame, label, str(train)), str(train))
    other = read_frame(test) if test else None
    if other is not None:  # texts of both tables are categories
        check_names(other, [label, *(column.name for column in columns)], str(test))
        both = [with_texts(column, other) for column in columns]
        columns = tuple(both)
    parts = [
        part(table, columns, label, str(path)) for table, path in ((frame, train), (other, test)) if table is not None
    ]
    return Raw(parts[0], parts[1] if len(parts) > 1 else None, columns, label, pictures=False)


def part(frame: "pd.DataFrame", columns: Sequence[Column], label: str, where: str) -> Part:
    """Return features and labels of a table."""
    texts = frame[label]
    if texts.isna().any():
        row = int(np.flatnonzero(texts.isna())[0])
        raise DataError(f"{where}: row {row + 1} has no {label}; remove rows without a label")
    labels = texts.to_numpy()
    if labels.dtype.kind not in "buif":
        labels = np.array([str(text) for text in labels])
    return Part(numbers(frame, columns, where), labels, where, f"{where}: column {label}")


def read_frame(path: Path) -> "pd.DataFrame":
    """Return the table in a CSV file (UTF-8, commas, points, names in the first line) or a Parquet file.

    Raises
    ------
    DataError : anything else, no rows, columns without or with the same name
    """
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                header = next(csv.reader(file), [])
            check_header(header, path)
            frame = pd.read_csv(path, encoding="utf-8-sig", low_memory=False)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8, not as Latin-1 say") from error
    except OSError as error:
        raise DataError(f"{error}; name a file that can be read") from error
    except DataError:
        raise
    except Exception as error:  # pandas' and Arrow's own, of all kinds
        said = str(error).strip().splitlines()[-1]
        raise DataError(f"{path}: not a whole {path.suffix[1:]} table ({said}); write it again") from error
    frame.columns = frame.columns.map(str)
    if not isinstance(frame.index, pd.RangeIndex):
        raise DataError(f"{path}: rows have more values than the first line has names; name every column")
    if not len(frame):
        raise DataError(f"{path}: no rows; give at least two of each class")
    return frame


def check_header(header: list[str], path: Path) -> None:
    """Raise DataError unless the first line of a CSV file names its columns, each differently."""
    if len(header) == 1:
        for mark, called in ((";", "semicolons"), ("\t", "tabs")):
            if mark in header[0]:
                raise DataError(f"{path}: separated by {called}; save it with commas, and points in its numbers")
    if not any(header):
        raise DataError(f"{path}: empty; put the names of the columns in the first line, then a row an example")
    for i, name in enumerate(header):
        if not name.strip():
            raise DataError(f"{path}: column {i + 1} has no name, row numbers perhaps; remove it or name it")
        if name in header[:i]:
            raise DataError(f"{path}: two columns are called {name}; name them differently")


def without(frame: "pd.DataFrame", label: str, where: str) -> "pd.DataFrame":
    """Return the table without its label column."""
    if label not in frame:
        listed = ", ".join(frame.columns[:20])
        raise DataError(f"{where}: no column {label}; its columns are {listed}")
    if frame.shape[1] == 1:
        raise DataError(f"{where}: {label} is the only column; add features")
    return frame.drop(columns=label)


def columns_of(frame: "pd.DataFrame", where: str) -> tuple[Column, ...]:
    """Return what the columns are: numbers, or texts and which.

    Raises
    ------
    DataError : texts amid numbers, too many texts, dates and the like
    """
    from pandas.api import types

    columns = []
    for name in frame:
        values = frame[name]
        if types.is_numeric_dtype(values.dtype) or types.is_bool_dtype(values.dtype):
            columns.append(Column(name=str(name)))
            continue
        if not (
            types.is_string_dtype(values.dtype) or types.is_object_dtype(values.dtype) or values.dtype == "category"
        ):
            raise DataError(f"{where}: column {name} holds {values.dtype}; turn it into numbers or texts")
        check_present(values, where)
        texts = sorted({str(value) for value in values})
        check_texts(str(name), values.astype(str).tolist(), len(texts), where)
        columns.append(Column(name=str(name), categories=tuple(texts)))
    return tuple(columns)


def check_texts(name: str, values: list[str], different: int, where: str) -> None:
    """Raise DataError unless the texts of a column are categories."""
    number = [re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", value) is not None for value in values]
    if any(number) and not all(number):
        row = number.index(False)
        raise DataError(
            f"{where}: column {name} mixes numbers and texts ({values[row]!r} in row {row + 1}); "
            "make it one or the other"
        )
    if all(re.fullmatch(r"\s*[-+]?\d+,\d+\s*", value) for value in values):
        raise DataError(f"{where}: column {name} has decimal commas ({values[0]!r}); write points")
    if different > MOST_CATEGORIES:
        raise DataError(
            f"{where}: column {name} has {different} different texts, at most {MOST_CATEGORIES} can be categories; "
            "remove it or turn it into numbers"
        )


def check_present(values: "pd.Series[Any]", where: str) -> None:
    """Raise DataError if a value is missing."""
    missing = np.flatnonzero(values.isna())
    if missing.size:
        raise DataError(
            f"{where}: column {values.name} has no value in row {missing[0] + 1} ({missing.size} of {len(values)} are "
            "missing); fill them in, or remove these rows or the column"
        )


def check_names(frame: "pd.DataFrame", names: Sequence[str], where: str, optional: str = "") -> None:
    """Raise DataError unless the table has these columns and no others, in any order."""
    for name in names:
        if name not in frame:
            raise DataError(f"{where}: no column {name}; give the columns that the model was trained on")
    for column in frame:
        if column not in names and column != optional:
            raise DataError(f"{where}: column {column} was not trained on; remove it")


def with_texts(column: Column, frame: "pd.DataFrame") -> Column:
    """Return the column with the texts of another table added to its categories."""
    if column.categories is None:
        return column
    check_present(frame[column.name], "the test table")
    texts = {str(value) for value in frame[column.name]} | set(column.categories)
    return column.model_copy(update={"categories": tuple(sorted(texts))})


def numbers(frame: "pd.DataFrame", columns: Sequence[Column], where: str) -> NDArray[np.float64]:
    """Return a table's features: (n, m) float64, texts one-hot; columns are found by name.

    Raises
    ------
    DataError : a value is missing, infinite, a text among numbers, or a category that is not known
    """
    from pandas.api import types

    features = np.zeros((len(frame), sum(len(column.features) for column in columns)))
    at = 0
    for column in columns:
        values = frame[column.name]
        check_present(values, where)
        if column.categories is not None:
            place = {text: at + i for i, text in enumerate(column.categories)}
            texts = [str(value) for value in values]
            unknown = next((row for row, text in enumerate(texts) if text not in place), None)
            if unknown is not None:
                raise DataError(
                    f"{where}: column {column.name} has {texts[unknown]!r} in row {unknown + 1}, which was not trained "
                    f"on; give one of {', '.join(column.categories[:20])}"
                )
            features[np.arange(len(frame)), [place[text] for text in texts]] = 1
        elif not (types.is_numeric_dtype(values.dtype) or types.is_bool_dtype(values.dtype)):
            raise DataError(f"{where}: column {column.name} holds {values.dtype}, not numbers; write numbers")
        else:
            features[:, at] = values.to_numpy(dtype=np.float64)
        at += len(column.features)
    if not np.isfinite(features).all():
        row, j = np.argwhere(~np.isfinite(features))[0]
        name = [feature for column in columns for feature in column.features][j]
        raise DataError(f"{where}: column {name} is infinite or beyond float64 in row {row + 1}; rescale or remove it")
    return features
