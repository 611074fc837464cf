"""Examples that a model has not seen, in any of the formats that it can be trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from experiment.data.files import check_images
from experiment.data.formats import read_npy
from experiment.data.named import read_named
from experiment.data.own import read, table_of
from experiment.data.raw import Column
from experiment.data.tables import SUFFIXES, check_names, numbers, read_frame
from experiment.errors import DataError


def examples(given: Path | str, columns: Sequence[Column], label: str, downloads: Path = Path()) -> NDArray[Any]:
    """Return features, (n, m): of a table all rows; of a folder or archive the test part, or all where there is none.

    Parameters
    ----------
    given : a table, an .npy of rows, an .npz, a folder of files, or the name of a set
    columns : of the table that the model was trained on, found by name; () if it was trained on arrays
    label : that table's label column, which may be there
    downloads : the folder for what is fetched by name

    Raises
    ------
    DataError : names file, place, fault and remedy
    """
    if isinstance(given, str):
        raw = read_named(given, downloads)
        if columns and [column.name for column in columns] != [column.name for column in raw.columns]:
            raise DataError(f"{raw.train.where}: other features than the model was trained on; give data that has them")
        return raw.train.values
    table = (table_of(given, "test") or table_of(given, "train")) if given.is_dir() else given
    if table and table.suffix in SUFFIXES:
        if not columns:
            raise DataError(f"{table}: the model was trained on arrays, not on a table; give .npy, .npz or IDX files")
        frame = read_frame(table)
        check_names(frame, [column.name for column in columns], str(table), optional=label)
        return numbers(frame, columns, str(table))
    if given.suffix == ".npy" and given.is_file():
        return check_images(read_npy(given), str(given))
    raw = read(given, None)
    return (raw.test or raw.train).values
