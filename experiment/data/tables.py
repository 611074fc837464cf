"""Tables (CSV, TSV, Parquet): one row per example, a label column, and columns of numbers or categories."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiment.data.columns import rows_of, without_label
from experiment.data.files import Part, Raw
from experiment.data.scaling import Missing
from experiment.data.schema import as_table, schema_of
from experiment.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".csv", ".tsv", ".parquet", ".csv.gz", ".tsv.gz")
BOM = b"\xef\xbb\xbf"
INDEX = r"__index_level_\d+__"  # pandas' name for a nameless index
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}


def is_table(path: Path) -> bool:
    """Whether a file has the suffix of a table."""
    return path.name.lower().endswith(SUFFIXES)


def read_tables(
    train: Path, test: Path | None, label: str | None, drop: Sequence[str] = (), missing: Missing | None = None
) -> Raw:
    """A data set from a training table and, if given, a test table with the same schema.

    A test table with no labels is `new`: examples to predict.

    DataError: a file is not a table; the label column is not named or missing; a column cannot be used.
    """
    table = read_table(train)
    schema, table, notes = schema_of(table, label, str(train), drop, missing)
    values, _ = schema.read(table, str(train))
    label = schema.label
    raw = Raw(Part(values, labels(table, label, str(train)), str(train), f"{train}: column {label}"), table=schema)
    if test is None:
        return raw._replace(notes=tuple(notes))
    other = read_table(test)
    values, warning = schema.read(other, str(test))
    raw = raw._replace(warning=warning and f"{test.name}: {warning}")
    if label not in other.column_names or without_label(other.column(label)).all():
        notes.append(
            f"{test.name} has no labels: predictions.csv will contain the predictions for its {len(values)} rows"
        )
        return raw._replace(notes=tuple(notes), new=values)
    tested = Part(values, labels(other, label, str(test)), str(test), f"{test}: column {label}")
    return raw._replace(notes=tuple(notes), test=tested)


def labels(table: "pa.Table", label: str, where: str) -> NDArray[Any]:
    """The unchanged labels of a table; texts are objects. DataError: a label is missing or not UTF-8."""
    import pyarrow as pa
    from pyarrow import types

    if (missing := without_label(table.column(label))).any():
        raise DataError(f"{where}: {rows_of(missing)} without {label}; remove rows without a label")
    values = table.column(label)
    if types.is_nested(values.type):
        raise DataError(f"{where}: column {label} holds {values.type}; give labels as integers or texts")
    if types.is_decimal(values.type) or types.is_binary(values.type) or types.is_large_binary(values.type):
        try:
            values = values.cast(pa.large_string())
        except pa.ArrowInvalid as error:
            raise DataError(f"{where}: column {label} holds bytes that are not UTF-8; save labels as texts") from error
    return np.asarray(values.to_numpy())


def read_table(path: Path) -> "pa.Table":
    """The table in a CSV or TSV file (UTF-8, decimal points, a header line; gzipped or not) or a Parquet file.

    All columns of CSV files are texts.

    DataError: another format, or no rows.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        if path.name.lower().endswith(".parquet"):
            table = parquet.ParquetFile(path).read()
        else:
            content = path.read_bytes()
            content = gzip.decompress(content) if path.name.lower().endswith(".gz") else content
            table = read_text(content, "\t" if ".tsv" in path.name.lower()[-7:] else ",", path)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8, not for example as Latin-1"
        ) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: truncated or damaged gzip file ({error}); write it again") from error
    except OSError as error:
        raise DataError(f"{error}; name a file that can be read") from error
    except pa.ArrowException as error:
        reason = str(error).strip().splitlines()[-1]
        raise DataError(f"{path}: not a complete table ({reason}); write it again") from error
    table = table.select([i for i, name in enumerate(table.column_names) if not re.fullmatch(INDEX, name)])
    if not table.num_rows:
        raise DataError(f"{path}: no rows below its header line; add some")
    return as_table(table)


def read_text(content: bytes, separator: str, path: Path) -> "pa.Table":
    """The table in the content of a CSV file. A first line `sep=;` (Excel) sets the separator."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    content = re.sub(rb"^[\s]*[\r\n]", b"", content.removeprefix(BOM))
    if declared := re.match(rb'"?sep=(.)"?[ ,;\t]*[\r\n]+', content):
        separator, content = declared[1].decode(), content[declared.end() :]
    if b"\0" in content:
        raise DataError(f"{path}: contains NUL bytes, perhaps damaged or UTF-16; save it as UTF-8")
    try:
        header = next(csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline=""), delimiter=separator), [])
    except csv.Error as error:
        raise DataError(f"{path}: its header line cannot be read ({error}); are its quotes closed?") from error
    names = [name.strip() for name in header]
    check_header(names, path)
    read = arrow.ReadOptions()
    parse = arrow.ParseOptions(delimiter=separator, newlines_in_values=True)
    convert = arrow.ConvertOptions(
        column_types=dict.fromkeys(header, pa.large_string()), strings_can_be_null=True, null_values=[""]
    )
    try:
        table = arrow.read_csv(io.BytesIO(content), read, parse, convert)
    except pa.ArrowInvalid:
        content.decode()  # its error names the position
        read.use_threads = False  # so that the error names the row
        read.block_size = min(len(content) + 1, 2**31 - 1)  # a row may be longer than the default
        table = arrow.read_csv(io.BytesIO(content), read, parse, convert)
    return table.rename_columns(names)


def check_header(names: list[str], path: Path) -> None:
    """Raise DataError unless the header names the columns of a CSV file."""
    if not any(names):
        raise DataError(f"{path}: empty; write the names of the columns in the first line, then one row per example")
    if len(names) == 1:
        for mark, name in SEPARATORS.items():
            if mark in names[0]:
                raise DataError(
                    f"{path}: separated by {name}; save it with commas (as .csv) or tabs (as .tsv) and decimal points"
                )
    if names[0].startswith("#") and len(names) == 1:
        raise DataError(f"{path}: starts with a comment ({names[0]!r}); remove lines that are not rows")
