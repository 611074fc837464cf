"""The user's own data set: read, checked, with encoded labels and a test part; and new examples to predict."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.data.columns import FEW_VALUES
from experiment.data.drift import check_scale, outliers
from experiment.data.files import Raw, array_files, examples_of_npz, read_arrays, read_npz
from experiment.data.formats import Arrays, read_npy
from experiment.data.labels import EncodedLabels, labels_of
from experiment.data.leaks import giving_away, repeated
from experiment.data.named import read_named
from experiment.data.names import alike, quoted, shortened
from experiment.data.scaling import Missing, extremes_of
from experiment.data.schema import Schema, unknown_column
from experiment.data.split import stratified_rows
from experiment.data.tables import is_table, read_table, read_tables
from experiment.errors import DataError
from experiment.results.dataset import DatasetInfo

TEST_FRACTION = 0.25  # of a data set without a test part


class OwnData(NamedTuple):
    """The user's data set and the meaning of its numbers."""

    arrays: Arrays
    info: DatasetInfo
    test_rows: NDArray[np.int64] | None  # rows of the test part in the user's file; None: all, in order
    new: NDArray[Any] | None  # examples without labels, to predict


def own_data(
    given: Path | str,
    label: str | None = None,
    seed: int = 541,
    drop: Sequence[str] = (),
    pictures: str | None = None,
    missing: Missing | None = None,
    *,
    downloads: Path = Path(),
) -> OwnData:
    """The user's data from a folder, a file, or a data set by name.

    Labels of any kind are numbered in order and keep their names. Features keep their dtype. Without a test part, a
    quarter of the rows is split off, at random by `seed` and stratified (`stratified_rows`).

    `given`: a folder of .npy, IDX or table files, an .npz, a table, or a name; `label`: the column of a table with the
    labels; `drop`: columns of a table to leave out; `pictures`: height × width of pictures that are stored as rows,
    such as "28x28"; `missing`: how `scale` fills in missing numbers of a table; `downloads`: the folder of downloads.
    DataError: names file, place, fault and remedy.
    """
    raw = read_named(given, downloads, drop, missing) if isinstance(given, str) else read(given, label, drop, missing)
    where = raw.train.where
    if raw.table is None and (label or drop or missing):
        raise DataError(f"{where}: --label, --drop and --missing are for tables; leave them out")
    if raw.table and label not in (None, raw.table.label):
        raise DataError(f"{where}: its label is {raw.table.label}; leave --label out")
    (class_names, train_labels, trimmed), test_labels = encoded(raw)
    notes = [*raw.notes, *([f"removed spaces around {trimmed} names of classes"] if trimmed else [])]
    picture = shape_of(pictures, raw) if pictures else raw.picture
    names = raw.table.names if raw.table else ()
    values, test_rows, warnings = raw.train.values, None, [raw.warning] if raw.warning else []
    if raw.test is None:
        try:
            rows, test_rows, rare = stratified_rows(train_labels, TEST_FRACTION, seed)
        except DataError as error:
            raise DataError(
                f"{where}: no class has enough rows to hold out {TEST_FRACTION:.0%} for testing; give more rows of "
                "each class, or a test part"
            ) from error
        arrays = Arrays(values[rows], train_labels[rows], values[test_rows], train_labels[test_rows])
        notes.append(f"{len(test_rows)} of {len(values)} rows split off as test set: stratified, seed {seed}")
        warnings += [f"class {class_names[k]} has too few rows for a test part: all are training rows" for k in rare]
    else:
        arrays = Arrays(values, train_labels, raw.test.values, test_labels)
        if picture:
            check_scale(extremes_of(values), raw.test.values, raw.test.where)
        else:
            warnings += outliers(extremes_of(values), raw.test.values, "test part", names)
    if raw.table:
        warnings += giving_away(raw.table, values, train_labels)
    if pair := alike(class_names):
        warnings.append(f"classes {quoted(pair[0])} and {quoted(pair[1])} look alike, but are two classes")
    if again := repeated(arrays):
        (notes if raw.test is None else warnings).append(again)
    if raw.new is not None:
        warnings += outliers(extremes_of(values), raw.new, "test part", names)
    if (kind := raw.train.labels.dtype).kind == "f":
        exact = 2.0 ** (np.finfo(kind).nmant + 1)  # whole numbers beside each other may be the same float from here on
        if np.abs(raw.train.labels).max() >= exact:
            warnings.append(
                f"{raw.train.labels_where}: {kind} has only every second whole number from {exact:.0f} on, or fewer: "
                "labels may have become equal when they were saved; save them as integers or texts"
            )
    understood = f"{values.shape[1]} features"
    if picture:
        understood = f"pictures of {picture[0]} × {picture[1]}"
    elif raw.table:
        understood = raw.table.understood(class_names, np.bincount(train_labels).tolist())
    elif values.dtype == np.uint8 and (side := math.isqrt(values.shape[1])) ** 2 == values.shape[1] > 1:
        understood += f"; if they are pictures: --pictures {side}x{side}"
    info = DatasetInfo(
        class_names=class_names,
        class_rows=tuple(np.bincount(arrays.train_labels).tolist()),
        table=raw.table,
        picture=picture,
        understood=understood,
        test_file=Path((raw.test or raw.train).where).name,
        note="; ".join(notes),
        warnings=tuple(warnings),
    )
    return OwnData(arrays, info, test_rows, raw.new)


PARSED: dict[object, OwnData] = {}  # the latest data set: a sweep reads its data several times


def cached_own_data(given: Path | str, *settings: Any, downloads: Path = Path()) -> OwnData:
    """`own_data`, from `PARSED` while the files are unchanged."""
    files = [] if isinstance(given, str) else [path for path in files_of(given) if path.exists()]
    stamps = tuple((path.resolve(), path.stat().st_mtime_ns, path.stat().st_size) for path in files)
    key = stamps or given, *settings
    if key not in PARSED:
        PARSED.clear()
        PARSED[key] = own_data(given, *settings, downloads=downloads)
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


def encoded(raw: Raw) -> tuple[EncodedLabels, NDArray[np.int64]]:
    """The encoded training labels, and the test labels as numbers of the same; DataError if they are no classes."""
    where = raw.train.labels_where
    labels = names, train, _ = labels_of(raw.train.labels, where)
    counts = np.bincount(train)
    if len(names) < 2:
        raise DataError(f"{where}: only class {shortened(names[0])} occurs; give examples of at least two classes")
    if len(names) > max(FEW_VALUES, len(train) / 2):
        raise DataError(f"{where}: {len(names)} classes in {len(train)} rows; name a column of classes as label")
    if counts.min() < 2:
        raise DataError(
            f"{where}: class {shortened(names[counts.argmin()])} has one example; give more of it, or remove it"
        )
    if raw.test is None:
        return labels, np.zeros(0, np.int64)
    tested = labels_of(raw.test.labels, raw.test.labels_where)
    if unknown := set(tested.names).difference(names):
        name = min(unknown)
        similar = "".join(f" ({quoted(other)} does)" for other in names if alike((name, other)))
        raise DataError(
            f"{raw.test.labels_where}: class {shortened(name)} does not occur in {where}{similar}; "
            "remove its examples or add some to train on"
        )
    return labels, np.array([names.index(name) for name in tested.names])[tested.numbers]


def read(path: Path, label: str | None, drop: Sequence[str] = (), missing: Missing | None = None) -> Raw:
    """A data set from a folder or file in any of the formats."""
    if path.is_dir():
        train, test = (table_of(path, name) for name in ("train", "test"))
        return read_tables(train, test, label, drop, missing) if train else read_arrays(path)
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
    return [table for name in ("train", "test") if (table := table_of(path, name))] or array_files(path)


def examples(
    given: Path | str, schema: Schema | None, downloads: Path = Path(), keep: str | None = None
) -> tuple[NDArray[Any], list[Any] | None]:
    """New examples for prediction: features, (n, m), and the unchanged values of the column `keep`, if given.

    They are all rows of a table; the test part of a folder or archive, or all rows if there is none.

    `given`: a table, an .npy of rows, an .npz, a folder of files, or the name of a data set;
    `schema`: the columns of the table that the model was trained on; None: it was trained on arrays;
    `downloads`: the folder of downloads.
    DataError: names file, place, fault and remedy.
    """
    table = None
    if isinstance(given, Path):
        table = (table_of(given, "test") or table_of(given, "train")) if given.is_dir() else given
    if keep is not None and not (table and is_table(table)):
        raise DataError(f"{given}: not a table, so it has no column {keep}; leave --id out")
    if isinstance(given, str):
        raw = read_named(given, downloads)
        if schema and (not raw.table or schema.names != raw.table.names):
            raise DataError(f"{raw.train.where}: other features than the model was trained on; give data that has them")
        return raw.train.values, None
    if table and is_table(table):
        if schema is None:
            raise DataError(f"{table}: the model was trained on arrays, not on a table; give .npy, .npz or IDX files")
        frame = read_table(table)
        if keep is not None and keep not in frame.column_names:
            raise DataError(f"{table}: {unknown_column(keep, frame.column_names)}")
        return schema.features(frame, str(table)), None if keep is None else frame.column(keep).to_pylist()
    if given.suffix == ".npy" and given.is_file():
        return read_npy(given), None
    if given.suffix == ".npz" and given.is_file():
        return examples_of_npz(given), None
    raw = read(given, None)
    return (raw.test or raw.train).values, None
