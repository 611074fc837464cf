"""A user's own data set, whatever it comes in: checked, labels encoded, a test part split off where there is none."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.data.columns import SMALL
from experiment.data.files import array_files, read_arrays, read_npz
from experiment.data.formats import Arrays
from experiment.data.labels import labels_of
from experiment.data.named import read_named
from experiment.data.raw import Raw
from experiment.data.schema import Schema
from experiment.data.tables import is_table, read_tables
from experiment.errors import DataError

TEST_FRACTION = 0.25  # of a set that comes in one part
PICTURE = 64  # pixels, at least: rows of a square number of features from here on may be pictures


class Own(NamedTuple):
    """A data set of the user's, and what its numbers mean."""

    arrays: Arrays
    class_names: tuple[str, ...]
    table: Schema | None  # what a table's columns are; None: arrays
    pictures: bool  # whether rows may be pictures
    understood: str  # what columns and labels were taken for
    note: str  # what was done to it, "" if nothing
    new: NDArray[Any] | None = None  # examples without labels, to predict


def own_data(
    given: Path | str,
    label: str | None = None,
    seed: int = 541,
    downloads: Path = Path(),
    drop: Sequence[str] = (),
) -> Own:
    """Read a user's data: a folder or a file, or a set by its name.

    Labels may be of any kind; they are numbered in their order, and keep their names. Features keep their dtype. Where
    there is no test part a quarter of the rows is split off, at random by `seed`, with as many of each class in
    proportion: scikit-learn's `train_test_split(stratify=labels)`.

    Parameters
    ----------
    given : a folder of .npy, IDX or table files, an .npz, a table; a name
    label : the column of a table that holds the labels
    downloads : the folder for what is fetched by name
    drop : columns of a table to leave out

    Raises
    ------
    DataError : names file, place, fault and remedy
    """
    raw = read_named(given, downloads, drop) if isinstance(given, str) else read(given, label, drop)
    texts, train_labels, test_labels = encoded(raw)
    notes = list(raw.notes)
    if raw.test is None:
        from sklearn.model_selection import train_test_split

        rows, test_rows = train_test_split(
            np.arange(len(train_labels)), test_size=test_size(train_labels, raw), random_state=seed,
            stratify=train_labels,
        )  # fmt: skip
        values = raw.train.values
        arrays = Arrays(values[rows], train_labels[rows], values[test_rows], train_labels[test_rows])
        part = f"{len(test_rows)} of {len(values)} rows split off as test set: stratified, seed {seed}"
        notes.append(part)
    else:
        arrays = Arrays(raw.train.values, train_labels, raw.test.values, test_labels)
    features = raw.train.values.shape[1]
    pictures = raw.pictures or (not raw.table and features >= PICTURE and int(features**0.5) ** 2 == features)
    understood = raw.table.understood(texts, np.bincount(train_labels).tolist()) if raw.table else ""
    return Own(arrays, texts, raw.table, pictures, understood, "; ".join(notes), raw.new)


def read(path: Path, label: str | None, drop: Sequence[str] = ()) -> Raw:
    """Read a folder or file in any of the formats."""
    if path.is_dir():
        tables = [table_of(path, name) for name in ("train", "test")]
        return read_tables(tables[0], tables[1], label, drop) if tables[0] else read_arrays(path)
    if is_table(path) and path.is_file():
        return read_tables(path, None, label, drop)
    if path.suffix == ".npz" and path.is_file():
        return read_npz(path)
    if path.exists():
        raise DataError(f"{path}: not a folder, .npz, .csv or .parquet file; give the data as one of these")
    raise DataError(f"{path}: no such folder or file; data takes a folder, an .npz, .csv or .parquet file, or a name")


def table_of(folder: Path, name: str) -> Path | None:
    """Return the table of a folder that has this name; DataError if there are several."""
    found = sorted(path for path in folder.iterdir() if is_table(path) and path.name.lower().startswith(f"{name}."))
    if len(found) > 1:
        raise DataError(f"{folder}: {', '.join(path.name for path in found)} all stand there; keep one of them")
    return found[0] if found else None


def files_of(path: Path) -> list[Path]:
    """Return the files that are read of a folder or file, in order."""
    if not path.is_dir():
        return [path]
    tables = [table for table in (table_of(path, name) for name in ("train", "test")) if table]
    return tables or array_files(path)


def encoded(raw: Raw) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    """Return the names of the classes and the labels as their numbers, to train on and to test on.

    Raises
    ------
    DataError : labels that are no classes; one class; a class of one example; a class that training lacks
    """
    where = raw.train.labels_where
    names, train, _ = labels_of(raw.train.labels, where)
    counts = np.bincount(train)
    if len(names) < 2:
        raise DataError(f"{where}: only class {names[0]} occurs; give examples of at least two classes")
    if len(names) > max(SMALL, len(train) / 2):
        raise DataError(f"{where}: {len(names)} classes in {len(train)} rows; name a column of classes as label")
    if counts.min() < 2:
        raise DataError(f"{where}: class {names[counts.argmin()]} has one example; give more of it, or remove it")
    if raw.test is None:
        return raw.class_names or names, train, np.zeros(0, np.int64)
    tested = labels_of(raw.test.labels, raw.test.labels_where)
    if unknown := set(tested.names).difference(names):
        raise DataError(
            f"{raw.test.labels_where}: class {min(unknown)} does not occur in {where}; "
            "remove its examples or add some to train on"
        )
    return raw.class_names or names, train, np.array([names.index(name) for name in tested.names])[tested.numbers]


def test_size(labels: NDArray[np.int64], raw: Raw) -> float | int:
    """Return the size of the test part to split off; DataError if there are too few rows for one of each class."""
    classes = int(labels.max()) + 1
    if len(labels) * TEST_FRACTION < classes:
        raise DataError(
            f"{raw.train.where}: {len(labels)} rows are too few to split a test part with all {classes} classes off; "
            "give more rows, or a test part of your own"
        )
    return TEST_FRACTION
