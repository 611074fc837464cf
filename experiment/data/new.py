"""New examples for prediction, in any format that training accepts."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from experiment.data.files import examples_of_npz
from experiment.data.formats import read_npy
from experiment.data.named import read_named
from experiment.data.own import read, table_of
from experiment.data.schema import Schema, unknown_column
from experiment.data.tables import is_table, read_table
from experiment.errors import DataError


def examples(
    given: Path | str, schema: Schema | None, downloads: Path = Path(), keep: str | None = None
) -> tuple[NDArray[Any], list[Any] | None]:
    """Features, (n, m), and the unchanged values of the column `keep`, if given.

    They are all rows of a table; the test part of a folder or archive, or all rows if there is none.

    Parameters
    ----------
    given : a table, an .npy of rows, an .npz, a folder of files, or the name of a data set
    schema : the columns of the table that the model was trained on; None: it was trained on arrays
    downloads : the folder of downloads
    keep : a column of the table

    Raises
    ------
    DataError : names file, place, fault and remedy
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
