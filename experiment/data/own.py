"""The user's own data set: read, checked, with encoded labels and a test part."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.data.columns import FEW_VALUES
from experiment.data.drift import check_scale, outliers
from experiment.data.files import array_files, read_arrays, read_npz
from experiment.data.formats import Arrays
from experiment.data.labels import EncodedLabels, labels_of
from experiment.data.named import read_named
from experiment.data.raw import Raw
from experiment.data.scaling import Missing, extremes_of
from experiment.data.schema import Schema
from experiment.data.split import stratified_rows
from experiment.data.tables import is_table, read_tables
from experiment.errors import DataError

TEST_FRACTION = 0.25  # of a data set without a test part


class OwnData(NamedTuple):
    """The user's data set and the meaning of its numbers."""

    arrays: Arrays
    class_names: tuple[str, ...]
    table: Schema | None  # the columns of a table; None: arrays
    picture: tuple[int, int] | None  # height and width of pictures; None: features
    understood: str  # how the data was understood, in words
    note: str  # changes made to the data; "": none
    test_file: str  # name of the file that contains the test rows
    test_rows: NDArray[np.int64] | None  # their rows in that file; None: all, in order
    warnings: tuple[str, ...] = ()  # one sentence each
    new: NDArray[Any] | None = None  # examples without labels, to predict


def own_data(
    given: Path | str,
    label: str | None = None,
    seed: int = 541,
    drop: Sequence[str] = (),
    pictures: str | None = None,
    missing: Missing | None = None,
    downloads: Path = Path(),
) -> OwnData:
    """The user's data from a folder, a file, or a data set by name.

    Labels of any kind are numbered in order and keep their names. Features keep their dtype. Without a test part, a
    quarter of the rows is split off, at random by `seed` and stratified (`stratified_rows`).

    Parameters
    ----------
    given : a folder of .npy, IDX or table files, an .npz, a table, or a name
    label : the column of a table that holds the labels
    drop : columns of a table to leave out
    pictures : height × width of pictures that are stored as rows, such as "28x28"
    missing : how `scale` fills in missing numbers of a table
    downloads : the folder of downloads

    Raises
    ------
    DataError : names file, place, fault and remedy
    """
    raw = read_named(given, downloads, drop, missing) if isinstance(given, str) else read(given, label, drop, missing)
    if raw.table is None and (drop or missing):
        raise DataError(f"{raw.train.where}: --drop and --missing are for tables; leave them out")
    (texts, train_labels, trimmed), test_labels = encoded(raw)
    notes = [*raw.notes, *([f"removed spaces around {trimmed} names of classes"] if trimmed else [])]
    picture = shape_of(pictures, raw) if pictures else raw.picture
    values, test_rows, warnings = raw.train.values, None, [raw.warning] if raw.warning else []
    if raw.test is None:
        try:
            rows, test_rows, rare = stratified_rows(train_labels, TEST_FRACTION, seed)
        except DataError as error:
            raise DataError(f"{raw.train.where}: {error}") from error
        arrays = Arrays(values[rows], train_labels[rows], values[test_rows], train_labels[test_rows])
        notes.append(f"{len(test_rows)} of {len(values)} rows split off as test set: stratified, seed {seed}")
        warnings += [f"class {texts[k]} has too few rows for a test part: all are training rows" for k in rare]
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
    warnings += inexact(raw.train.labels, raw.train.labels_where)
    counts = np.bincount(train_labels).tolist()
    about = raw.table.understood(texts, counts) if raw.table and not picture else understood(values, picture)
    test_file = Path((raw.test or raw.train).where).name
    return OwnData(
        arrays, texts, raw.table, picture, about, "; ".join(notes), test_file, test_rows, tuple(warnings), raw.new
    )


def inexact(labels: NDArray[Any], where: str) -> list[str]:
    """A warning where labels are floats so large that whole numbers beside each other are the same float."""
    if labels.dtype.kind != "f" or np.abs(labels).max() < (exact := 2.0 ** (np.finfo(labels.dtype).nmant + 1)):
        return []
    return [
        f"{where}: {labels.dtype} has only every second whole number from {exact:.0f} on, or fewer: labels may have "
        "become equal when they were saved; save them as integers or texts"
    ]


PARSED: dict[object, OwnData] = {}  # the latest data set: a sweep reads its data several times


def cached_own_data(
    given: Path | str,
    label: str | None,
    seed: int,
    drop: Sequence[str],
    pictures: str | None,
    missing: Missing | None,
    downloads: Path = Path(),
) -> OwnData:
    """`own_data`, from `PARSED` while the files are unchanged."""
    files = [] if isinstance(given, str) else [path for path in files_of(given) if path.exists()]
    stamps = tuple((path.resolve(), path.stat().st_mtime_ns, path.stat().st_size) for path in files)
    key = stamps or given, label, seed, tuple(drop), pictures, missing
    if key not in PARSED:
        PARSED.clear()
        PARSED[key] = own_data(given, label, seed, drop, pictures, missing, downloads)
    return PARSED[key]


def shape_of(pictures: str, raw: Raw) -> tuple[int, int]:
    """The given height and width; DataError if the examples cannot be pictures of that shape."""
    height, width = map(int, pictures.split("x"))
    features = raw.train.values.shape[1]
    if height * width != features:
        raise DataError(f"{raw.train.where}: {features} features are not pictures of {pictures}; change --pictures")
    if raw.picture not in (None, (height, width)):
        raise DataError(f"{raw.train.where}: pictures of {raw.picture[0]}x{raw.picture[1]}; leave --pictures out")
    if raw.table and any(column.categories for column in raw.table.columns):
        raise DataError(f"{raw.train.where}: a table with categories contains no pictures; leave --pictures out")
    return height, width


def understood(values: NDArray[Any], picture: tuple[int, int] | None) -> str:
    """A description of the rows of an array, with a hint if they may be pictures."""
    if picture:
        return f"pictures of {picture[0]} × {picture[1]}"
    features = values.shape[1]
    side = math.isqrt(features)
    could_be = values.dtype == np.uint8 and side**2 == features > 1
    return f"{features} features" + (f"; if they are pictures: --pictures {side}x{side}" if could_be else "")


def read(path: Path, label: str | None, drop: Sequence[str] = (), missing: Missing | None = None) -> Raw:
    """A data set from a folder or file in any of the formats."""
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
    """The table in a folder with this name and any suffix; DataError if there are several."""
    tables = sorted(path for path in folder.iterdir() if is_table(path) and path.name.lower().startswith(f"{name}."))
    if len(tables) > 1:
        raise DataError(f"{folder}: several tables {', '.join(path.name for path in tables)}; keep one of them")
    return tables[0] if tables else None


def files_of(path: Path) -> list[Path]:
    """The files that make up the data set of a folder or file, in order."""
    if not path.is_dir():
        return [path]
    tables = [table for table in (table_of(path, name) for name in ("train", "test")) if table]
    return tables or array_files(path)


def encoded(raw: Raw) -> tuple[EncodedLabels, NDArray[np.int64]]:
    """The encoded training labels, and the test labels as numbers of the same classes.

    Raises
    ------
    DataError : labels that are not classes; one class; a class of one example; a class without training rows
    """
    where = raw.train.labels_where
    labels = names, train, _ = labels_of(raw.train.labels, where)
    counts = np.bincount(train)
    if len(names) < 2:
        raise DataError(f"{where}: only class {names[0]} occurs; give examples of at least two classes")
    if len(names) > max(FEW_VALUES, len(train) / 2):
        raise DataError(f"{where}: {len(names)} classes in {len(train)} rows; name a column of classes as label")
    if counts.min() < 2:
        raise DataError(f"{where}: class {names[counts.argmin()]} has one example; give more of it, or remove it")
    if raw.test is None:
        return labels, np.zeros(0, np.int64)
    tested = labels_of(raw.test.labels, raw.test.labels_where)
    if unknown := set(tested.names).difference(names):
        raise DataError(
            f"{raw.test.labels_where}: class {min(unknown)} does not occur in {where}; "
            "remove its examples or add some to train on"
        )
    return labels, np.array([names.index(name) for name in tested.names])[tested.numbers]
