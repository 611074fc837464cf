"""A user's own data set, whatever it comes in: checked, labels encoded, a test part split off where there is none."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.data.files import array_files, read_arrays, read_npz
from experiment.data.formats import Arrays
from experiment.data.named import read_named
from experiment.data.raw import Column, Raw
from experiment.data.tables import SUFFIXES, read_tables
from experiment.errors import DataError

TEST_FRACTION = 0.25  # of a set that comes in one part
PICTURE = 64  # pixels, at least: rows of a square number of features from here on may be pictures


class Own(NamedTuple):
    """A data set of the user's, and what its numbers mean."""

    arrays: Arrays
    class_names: tuple[str, ...]
    columns: tuple[Column, ...]  # of a table; () for arrays
    label: str  # the name of a table's label column
    pictures: bool  # whether rows may be pictures
    note: str  # what was done to it, "" if nothing


def own_data(given: Path | str, label: str | None = None, seed: int = 541, downloads: Path = Path()) -> Own:
    """Read a user's data: a folder or a file, or a set by its name.

    Labels may be of any kind; they are numbered in their order, and keep their names. Features keep their dtype. Where
    there is no test part a quarter of the rows is split off, at random by `seed`, with as many of each class in
    proportion: scikit-learn's `train_test_split(stratify=labels)`.

    Parameters
    ----------
    given : a folder of .npy, IDX or table files, an .npz, a table; a name
    label : the column of a table that holds the labels
    downloads : the folder for what is fetched by name

    Raises
    ------
    DataError : names file, place, fault and remedy
    """
    raw = read_named(given, downloads) if isinstance(given, str) else read(given, label)
    texts, train_labels, test_labels = encoded(raw)
    note = ""
    if raw.test is None:
        from sklearn.model_selection import train_test_split

        rows, test_rows = train_test_split(
            np.arange(len(train_labels)), test_size=test_size(train_labels, raw), random_state=seed,
            stratify=train_labels,
        )  # fmt: skip
        values = raw.train.values
        arrays = Arrays(values[rows], train_labels[rows], values[test_rows], train_labels[test_rows])
        note = f"{len(test_rows)} of {len(values)} rows split off as test set: stratified, seed {seed}"
    else:
        arrays = Arrays(raw.train.values, train_labels, raw.test.values, test_labels)
    features = raw.train.values.shape[1]
    pictures = raw.pictures or (features >= PICTURE and int(features**0.5) ** 2 == features)
    return Own(arrays, texts, raw.columns, raw.label, pictures, note)


def read(path: Path, label: str | None) -> Raw:
    """Read a folder or file in any of the formats."""
    if path.is_dir():
        tables = [table_of(path, name) for name in ("train", "test")]
        return read_tables(tables[0], tables[1], label) if tables[0] else read_arrays(path)
    if path.suffix in SUFFIXES and path.is_file():
        return read_tables(path, None, label)
    if path.suffix == ".npz" and path.is_file():
        return read_npz(path)
    if path.exists():
        raise DataError(f"{path}: not a folder, .npz, .csv or .parquet file; give the data as one of these")
    raise DataError(f"{path}: no such folder or file; data takes a folder, an .npz, .csv or .parquet file, or a name")


def table_of(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / f"{name}{suffix}" for suffix in SUFFIXES) if path.is_file()), None)


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
    labels = classes_of(raw.train.labels, where)
    classes, train, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise DataError(f"{where}: only class {classes[0]} occurs; give examples of at least two classes")
    if counts.min() < 2:
        single = classes[counts.argmin()]
        raise DataError(f"{where}: class {single} has one example; give more of it, or remove it")
    names = raw.class_names or tuple(str(value) for value in classes)
    if raw.test is None:
        return names, train.astype(np.int64), np.zeros(0, np.int64)
    tested = classes_of(raw.test.labels, raw.test.labels_where)
    unknown = np.setdiff1d(tested, classes)
    if unknown.size:
        raise DataError(
            f"{raw.test.labels_where}: class {unknown[0]} does not occur in {where}; "
            "remove its examples or add some to train on"
        )
    return names, train.astype(np.int64), np.searchsorted(classes, tested).astype(np.int64)


def classes_of(labels: NDArray[Any], where: str) -> NDArray[Any]:
    """Return labels as integers, bools or texts; DataError for what cannot be classes."""
    if labels.dtype.kind == "f":
        whole = np.isfinite(labels) & (labels == np.rint(labels))
        if not whole.all():
            value = labels[~whole][0]
            raise DataError(f"{where}: {value} is no class but a number on a scale; give classes, integers or texts")
        return labels.astype(np.int64)
    if labels.dtype.kind not in "buiUS":
        raise DataError(f"{where}: dtype {labels.dtype}; give labels as integers or texts")
    return labels


def test_size(labels: NDArray[np.int64], raw: Raw) -> float | int:
    """Return the size of the test part to split off; DataError if there are too few rows for one of each class."""
    classes = int(labels.max()) + 1
    if len(labels) * TEST_FRACTION < classes:
        raise DataError(
            f"{raw.train.where}: {len(labels)} rows are too few to split a test part with all {classes} classes off; "
            "give more rows, or a test part of your own"
        )
    return TEST_FRACTION
