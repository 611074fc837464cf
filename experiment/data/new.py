"""Examples that a model has not seen, in any of the formats that it can be trained on."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from experiment.data.files import examples_of_npz
from experiment.data.formats import read_npy
from experiment.data.named import read_named
from experiment.data.own import read, table_of
from experiment.data.schema import Schema, unknown
from experiment.data.tables import is_table, read_table
from experiment.errors import DataError


def examples(
    given: Path | str, schema: Schema | None, downloads: Path = Path(), keep: str | None = None
) -> tuple[NDArray[Any], list[Any] | None]:
    """Return features, (n, m), and a column of the table as it stands if one is to be kept.

    Of a table all rows; of a folder or archive the test part, or all where there is none.

    Parameters
    ----------
    given : a table, an .npy of rows, an .npz, a folder of files, or the name of a set
    schema : what the columns of the table that the model was trained on are; None: it was trained on arrays
    downloads : the folder for what is fetched by name
    keep : the column

    Raises
    ------
    DataError : names file, place, fault and remedy
    """
    table = None
    if isinstance(given, Path):
        table = (table_of(given, "test") or table_of(given, "train")) if given.is_dir() else given
    if keep is not None and not (table and is_table(table)):
        raise DataError(f"{given}: no table, and has no column {keep}; leave --id out")
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
            raise DataError(f"{table}: {unknown(keep, frame.column_names)}")
        return schema.features(frame, str(table)), None if keep is None else frame.column(keep).to_pylist()
    if given.suffix == ".npy" and given.is_file():
        return read_npy(given), None
    if given.suffix == ".npz" and given.is_file():
        return examples_of_npz(given), None
    raw = read(given, None)
    return (raw.test or raw.train).values, None
