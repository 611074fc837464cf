"""The schema of a table: inferred from the training table, applied to every other table."""

import logging
import shlex
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiment.data.columns import Column, absent, cells, column_of, numbers, rows_of, without_label
from experiment.data.names import shortened
from experiment.data.scaling import Missing
from experiment.errors import DataError
from experiment.values import Frozen, suggestion

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

log = logging.getLogger("sweep")


class Schema(Frozen):
    """The feature columns of a table, and the name of its label column."""

    columns: tuple[Column, ...]
    label: str
    missing: Missing | None = None  # how missing numbers are filled in; None: they are an error

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(name for column in self.columns for name in column.features)

    def features(self, frame: "pd.DataFrame | pa.Table", where: str = "the table") -> NDArray[np.float64]:
        """The features of a table: (n, m) float64, categories one-hot, missing numbers NaN. Other columns are ignored.

        All features of an unknown category are 0, with a warning.

        DataError: names all faults of the table.
        """
        features, warning = self.read(as_table(frame), where)
        if warning:
            log.warning("%s: %s", where, warning)
        return features

    def read(self, table: "pa.Table", where: str) -> tuple[NDArray[np.float64], str]:
        """The features, and a warning ("": none)."""
        blocks, faults, warnings, absences = [np.zeros((table.num_rows, 0))], [], [], {}
        counts = Counter(table.column_names)
        for column in self.columns:
            if column.kind == "dropped":
                continue
            if (count := counts[column.name]) != 1:
                hint = suggestion(column.name, table.column_names)
                fault = f"no column {column.name}" if count == 0 else f"{count} columns are called {column.name}"
                faults.append(f"{fault}; {hint or 'give the columns that the model was trained on'}")
                continue
            block, missing, fault, warning = block_of(column, table.column(column.name))
            if fault:
                faults.append(f"column {column.name} {fault}")
            elif missing.any() and self.missing is None:
                absences[column.name] = missing
            if warning:
                warnings.append(f"column {column.name} {warning}")
            blocks += [block, missing[:, None]] if column.missing else [block]
        raise_all([*faults, *absent(absences, "or train with --missing mean")], where)
        return np.concatenate(blocks, axis=1, dtype=np.float64), "; ".join(warnings)

    def understood(self, classes: Sequence[str], counts: Sequence[int]) -> str:
        """A one-line description of the table."""
        kinds = [column.kind for column in self.columns]
        values = sum(len(column.categories) for column in self.columns)
        dropped = [column.name for column in self.columns if column.kind == "dropped"]
        parts = [counted(kinds.count("number"), "number"), counted(kinds.count("category"), "category", "categories")]
        if values:
            parts[1] += f" ({values} values)"
        if missing := sum(column.missing for column in self.columns):
            parts.append(f"{missing} with missing values")
        if dropped:
            parts.append(f"left out {', '.join(dropped)}")
        few = len(classes) <= 12  # of many classes the largest ones are listed
        order = range(len(classes)) if few else np.argsort(counts, kind="stable")[::-1][:10].tolist()
        listed = [f"{shortened(classes[k])} {counts[k]}" for k in order] + (
            [] if few else [f"… ({len(classes)} classes)"]
        )
        return f"{', '.join(filter(None, parts))}, label {self.label}: {', '.join(listed)}"


def counted(count: int, one: str, more: str = "") -> str:
    return "" if not count else f"{count} {one if count == 1 else more or one + 's'}"


def block_of(column: Column, values: "pa.ChunkedArray") -> tuple[NDArray[np.float64], NDArray[np.bool_], str, str]:
    """A column's features, a mask of its missing values, its fault and a warning (each "" if there is none)."""
    if column.kind == "number":
        given, text = numbers(values)
        fault = f"holds {text}, not numbers; write numbers" if text else ""
        if (infinite := np.isinf(given)).any():
            fault = f"is infinite or beyond float64 in {rows_of(infinite)}; rescale it"
        return given[:, None], np.isnan(given), fault, ""
    content = cells(values)
    exact = {text: k for k, text in enumerate(column.categories)}
    spellings = Counter(text.casefold() for text in exact)
    folded = {text.casefold(): k for text, k in exact.items() if spellings[text.casefold()] == 1}
    texts = content.texts.to_pylist()
    position = np.array([*(exact.get(text, folded.get(text.casefold(), -1)) for text in texts), -1])
    block = (position[content.codes][:, None] == np.arange(len(exact))).astype(np.float64)
    unknown, other_case = position[:-1] < 0, np.array([text not in exact for text in texts], bool)
    warnings = []
    if unknown.any():
        warnings.append(f"has {content.example(unknown)}, a category that the model was not trained on and ignores")
    if (other_case := other_case & ~unknown).any():
        warnings.append(f"has {content.example(other_case)}, read as the category that differs from it only in case")
    return block, content.codes < 0, "", " and ".join(warnings)


def schema_of(
    table: "pa.Table", label: str | None, where: str, drop: Sequence[str] = (), missing: Missing | None = None
) -> tuple[Schema, "pa.Table", list[str]]:
    """The schema of a table; the table with numbers parsed; and notes.

    `label`: the column that holds the labels; `where`: the name of the table, for messages;
    `drop`: columns to leave out; `missing`: how `scale` fills in missing numbers.
    DataError: names all faults of the table.
    """
    import pyarrow as pa

    names = table.column_names
    faults = [unknown_column(name, names) for name in (label, *drop) if name is not None and name not in names]
    if label is None:
        faults.append(f"name the column to predict with label; the columns are {', '.join(filter(None, names[:20]))}")
    twice = {name for name, count in Counter(names).items() if count > 1 and name}
    nameless = [i for i, name in enumerate(names) if not name and table.column(i).null_count < table.num_rows]
    faults += [f"column {i + 1} has no name, perhaps row numbers; remove it or name it" for i in nameless]
    faults += [f"two columns are called {name}; name them differently" for name in sorted(twice)]
    if label in drop:
        faults.append(f"{label} is the label and cannot be left out")
    if label and names.count(label) == 1 and (without := without_label(table.column(label))).any():
        faults.append(f"{rows_of(without)} without {label}; remove rows without a label")
    index = [name for name in (table.schema.pandas_metadata or {}).get("index_columns", []) if isinstance(name, str)]
    columns, notes, absences, typed = [], [], {}, {}
    for name in names:
        if name in ("", label) or name in twice:
            continue
        if name in drop or name in index:
            columns.append(Column(name=name, kind="dropped"))
            continue
        read = column_of(name, table.column(name))
        columns.append(read.column)
        typed[name] = read.values
        if read.fault:
            faults.append(f"column {name} {read.fault}")
        if missing is None and read.missing.any() and not read.missing.all():
            absences[name] = read.missing
        if read.note:
            notes.append(f"column {name}: {read.note}")
    faults += absent(absences, f"drop columns (--drop {shlex.join(absences)}) or impute (--missing mean)")
    if not faults and not any(column.features for column in columns):
        faults.append(f"{label} is the only column; add features")
    raise_all(faults, where)
    assert label is not None
    typed[label] = table.column(label)
    return Schema(columns=tuple(columns), label=label, missing=missing), pa.table(typed), notes


def unknown_column(name: str, names: Sequence[str]) -> str:
    hint = suggestion(name, names)
    return f"no column {name}; the columns are {', '.join(filter(None, names[:20]))}{hint and '; ' + hint}"


def raise_all(faults: Sequence[str], where: str) -> None:
    """Raise DataError with all faults, if there are any."""
    if len(faults) > 1:
        raise DataError("\n  ".join([f"{where}: {len(faults)} faults:", *faults]))
    if faults:
        raise DataError(f"{where}: {faults[0]}")


def as_table(frame: "pd.DataFrame | pa.Table") -> "pa.Table":
    """A data frame as an Arrow table without dictionaries. Columns of mixed types become texts."""
    import pyarrow as pa

    def column(values: Any) -> pa.Array:
        if (sparse := getattr(values, "sparse", None)) is not None:
            values = sparse.to_dense()
        try:
            return pa.array(values, from_pandas=True)
        except (pa.ArrowException, OverflowError):
            return pa.array(values.map(str, na_action="ignore"), from_pandas=True)

    if not isinstance(frame, pa.Table):
        if getattr(frame, "ndim", 0) != 2:
            raise DataError(f"a {type(frame).__name__} is not a table; give a DataFrame, also of a single row")
        columns = [column(frame.iloc[:, i]) for i in range(frame.shape[1])]
        frame = pa.table(columns, names=[str(name) for name in frame.columns])

    def plain(values: Any) -> Any:
        return values.cast(pa.large_string()) if pa.types.is_string_view(values.type) else values

    for i, field in enumerate(frame.schema):
        values = plain(frame.column(i))
        if pa.types.is_dictionary(field.type):
            chunks = [plain(chunk.dictionary).take(chunk.indices) for chunk in values.chunks]
            values = pa.chunked_array(chunks or [pa.array([], pa.large_string())])
        if values.type != field.type:
            frame = frame.set_column(i, field.name, values)
    return frame
