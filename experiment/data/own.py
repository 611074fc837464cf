"""A user's own data set, whatever it comes in: checked, labels encoded, a test part split off where there is none."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.data.columns import SMALL
from experiment.data.drift import check_scale, outliers
from experiment.data.files import array_files, read_arrays, read_npz
from experiment.data.formats import Arrays
from experiment.data.labels import Labels, labels_of
from experiment.data.named import read_named
from experiment.data.raw import Raw
from experiment.data.scaling import Missing, extremes_of
from experiment.data.schema import Schema
from experiment.data.split import stratified_rows
from experiment.data.tables import is_table, read_tables
from experiment.errors import DataError

TEST_FRACTION = 0.25  # of a set that comes in one part


class Own(NamedTuple):
    """A data set of the user's, and what its numbers mean."""

    arrays: Arrays
    class_names: tuple[str, ...]
    table: Schema | None  # what a table's columns are; None: arrays
    picture: tuple[int, int] | None  # height and width of examples that are pictures; None: features
    understood: str  # what the examples are taken for
    note: str  # what was done to it, "" if nothing
    test_file: str  # what the test rows are rows of
    test_rows: NDArray[np.int64] | None  # which of them; None: all, in their order
    warnings: tuple[str, ...] = ()  # what whoever uses it should know, a sentence each
    new: NDArray[Any] | None = None  # examples without labels, to predict


def own_data(
    given: Path | str,
    label: str | None = None,
    seed: int = 541,
    drop: Sequence[str] = (),
    pictures: str | None = None,
    missing: Missing | None = None,
    downloads: Path = Path(),
) -> Own:
    """Read a user's data: a folder or a file, or a set by its name.

    Labels may be of any kind; they are numbered in their order, and keep their names. Features keep their dtype. Where
    there is no test part a quarter of the rows is split off, at random by `seed`, in strata (`stratified_rows`).

    Parameters
    ----------
    given : a folder of .npy, IDX or table files, an .npz, a table; a name
    label : the column of a table that holds the labels
    drop : columns of a table to leave out
    pictures : height × width, "28x28" say, of examples that do not show by their shape that they are pictures
    missing : how missing numbers of a table are filled in later
    downloads : the folder for what is fetched by name

    Raises
    ------
    DataError : names file, place, fault and remedy
    """
    raw = read_named(given, downloads, drop, missing) if isinstance(given, str) else read(given, label, drop, missing)
    if raw.table is None and (drop or missing):
        raise DataError(f"{raw.train.where}: --drop and --missing are for tables; leave them out")
    (texts, train_labels, trimmed), test_labels = encoded(raw)
    notes = [*raw.notes, *([f"{trimmed} names of classes without the spaces around them"] if trimmed else [])]
    picture = shape_of(pictures, raw) if pictures else raw.picture
    values, test_rows, warnings = raw.train.values, None, [raw.warning] if raw.warning else []
    if raw.test is None:
        try:
            rows, test_rows, rare = stratified_rows(train_labels, TEST_FRACTION, seed)
        except DataError as error:
            raise DataError(f"{raw.train.where}: {error}") from error
        arrays = Arrays(values[rows], train_labels[rows], values[test_rows], train_labels[test_rows])
        part = f"{len(test_rows)} of {len(values)} rows split off as test set: stratified, seed {seed}"
        notes.append(part)
        warnings += [f"class {texts[k]} has too few rows for a test part: all are trained on" for k in rare]
    else:
        arrays = Arrays(values, train_labels, raw.test.values, test_labels)
        extremes = extremes_of(values)
        if picture:
            check_scale(extremes, raw.test.values, raw.test.where)
        else:
            names = raw.table.names if raw.table else ()
            warnings += outliers(extremes, raw.test.values, "test part", names)
    if raw.new is not None:
        warnings += outliers(extremes_of(values), raw.new, "test part", raw.table.names if raw.table else ())
    counts = np.bincount(train_labels).tolist()
    about = raw.table.understood(texts, counts) if raw.table and not picture else understood(values, picture)
    test_file = Path((raw.test or raw.train).where).name
    return Own(
        arrays, texts, raw.table, picture, about, "; ".join(notes), test_file, test_rows, tuple(warnings), raw.new
    )


LATEST: dict[object, Own] = {}  # a sweep looks at its data when it is called, when it begins, and when it runs


def own_data_once(
    given: Path | str,
    label: str | None,
    seed: int,
    drop: Sequence[str],
    pictures: str | None,
    missing: Missing | None,
    downloads: Path = Path(),
) -> Own:
    """The same, parsed once as long as the files stay as they are; `LATEST` keeps it."""
    files = [] if isinstance(given, str) else [path for path in files_of(given) if path.exists()]
    stamps = tuple((path.resolve(), path.stat().st_mtime_ns, path.stat().st_size) for path in files)
    key = stamps or given, label, seed, tuple(drop), pictures, missing
    if key not in LATEST:
        LATEST.clear()
        LATEST[key] = own_data(given, label, seed, drop, pictures, missing, downloads)
    return LATEST[key]


def shape_of(pictures: str, raw: Raw) -> tuple[int, int]:
    """Height and width as the user gave them; DataError if the examples cannot be pictures of that shape."""
    height, width = map(int, pictures.split("x"))
    features = raw.train.values.shape[1]
    if height * width != features:
        raise DataError(
            f"{raw.train.where}: {features} features are no pictures of {pictures}; give another --pictures"
        )
    if raw.picture not in (None, (height, width)):
        raise DataError(f"{raw.train.where}: pictures of {raw.picture[0]}x{raw.picture[1]}; leave --pictures out")
    if raw.table and any(column.categories for column in raw.table.columns):
        raise DataError(f"{raw.train.where}: a table with categories has no pictures; leave --pictures out")
    return height, width


def understood(values: NDArray[Any], picture: tuple[int, int] | None) -> str:
    """Return what the rows of an array are taken for, and how to say that they are pictures where they could be."""
    if picture:
        return f"pictures of {picture[0]} × {picture[1]}"
    features = values.shape[1]
    side = math.isqrt(features)
    could_be = values.dtype == np.uint8 and side**2 == features > 1
    return f"{features} features" + (f"; if they are pictures: --pictures {side}x{side}" if could_be else "")


def read(path: Path, label: str | None, drop: Sequence[str] = (), missing: Missing | None = None) -> Raw:
    """Read a folder or file in any of the formats."""
    if path.is_dir():
        tables = [table_of(path, name) for name in ("train", "test")]
        return read_tables(tables[0], tables[1], label, drop, missing) if tables[0] else read_arrays(path)
    if is_table(path) and path.is_file():
        return read_tables(path, None, label, drop, missing)
    if path.suffix == ".npz" and path.is_file():
        return read_npz(path)
    if path.exists():
        raise DataError(f"{path}: not a folder, .npz, .csv or .parquet file; give the data as one of these")
    raise DataError(f"{path}: no such folder or file; data takes a folder, an .npz, .csv or .parquet file, or a name")


def table_of(folder: Path, name: str) -> Path | None:
    """The table of a folder that has this name; DataError if there are several."""
    found = sorted(path for path in folder.iterdir() if is_table(path) and path.name.lower().startswith(f"{name}."))
    if len(found) > 1:
        raise DataError(f"{folder}: {', '.join(path.name for path in found)} all stand there; keep one of them")
    return found[0] if found else None


def files_of(path: Path) -> list[Path]:
    """The files that are read of a folder or file, in order."""
    if not path.is_dir():
        return [path]
    tables = [table for table in (table_of(path, name) for name in ("train", "test")) if table]
    return tables or array_files(path)


def encoded(raw: Raw) -> tuple[Labels, NDArray[np.int64]]:
    """The labels to train on, and those to test on as numbers of the same classes.

    Raises
    ------
    DataError : labels that are no classes; one class; a class of one example; a class that training lacks
    """
    where = raw.train.labels_where
    found = names, train, _ = labels_of(raw.train.labels, where)
    counts = np.bincount(train)
    if len(names) < 2:
        raise DataError(f"{where}: only class {names[0]} occurs; give examples of at least two classes")
    if len(names) > max(SMALL, len(train) / 2):
        raise DataError(f"{where}: {len(names)} classes in {len(train)} rows; name a column of classes as label")
    if counts.min() < 2:
        raise DataError(f"{where}: class {names[counts.argmin()]} has one example; give more of it, or remove it")
    if raw.test is None:
        return found, np.zeros(0, np.int64)
    tested = labels_of(raw.test.labels, raw.test.labels_where)
    if unknown := set(tested.names).difference(names):
        raise DataError(
            f"{raw.test.labels_where}: class {min(unknown)} does not occur in {where}; "
            "remove its examples or add some to train on"
        )
    return found, np.array([names.index(name) for name in tested.names])[tested.numbers]
