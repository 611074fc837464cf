"""What a column of a table is: numbers, or categories; and what is wrong with it."""

import contextlib
import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.values import Frozen

if TYPE_CHECKING:
    import pyarrow as pa

MOST_CATEGORIES = 256  # texts in a column: more are names or sentences, not categories
FEW = 20  # different numbers, rows: more numbers among texts are no categories, fewer rows tell no identifier
SMALL = 10  # different values: so few may be categories, however few rows there are
CODE = r"^\s*[-+]?0\d"  # with a leading zero: no number
NUMBER = r"^[-+]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][-+]?\d+)?$|^[-+]?(?i:inf|infinity)$"
DATE = r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([T ].*)?$"
DECIMAL_COMMA = r"^[-+]?\d+,\d+$"
AMOUNT = r"^[-+]?[$€£¥]? ?[-+]?(\d{1,3}([.,' ]\d{3})+|\d+)([.,]\d+)? ?[%$€£¥]?$"
IDENTIFIER = r"(^|[^a-zA-Z])(id|ID|Id|uuid|UUID)$|[a-z](Id|ID)$"
ABSENT = ("na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none", "?", "-", "--", ".")  # among numbers


class Column(Frozen):
    """A column of a table: numbers; or texts out of `categories`, which become a feature each; or left out."""

    name: str
    kind: Literal["number", "category", "dropped"] = "number"
    categories: tuple[str, ...] = ()
    missing: bool = False  # values were missing, which is a feature of its own

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features that it becomes."""
        values = {"number": [self.name], "category": [f"{self.name}={text}" for text in self.categories], "dropped": []}
        return (*values[self.kind], *([f"{self.name} missing"] if self.missing else []))


class Cells(NamedTuple):
    """A column as texts: n rows of d different ones."""

    texts: "pa.Array"  # (d,) in Unicode's form NFC, without spaces around them
    place: NDArray[np.int64]  # (n,) in 0 … d − 1, −1: missing
    trimmed: int  # texts that were not like that

    def matching(self, pattern: str) -> NDArray[np.bool_]:
        """Return of which texts a regular expression is true: (d,)."""
        import pyarrow.compute as pc

        return np.asarray(pc.match_substring_regex(self.texts, pattern))

    def rows(self, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The rows that have one of the texts: (n,)."""
        return np.append(which, False)[self.place]

    def example(self, which: NDArray[np.bool_]) -> str:
        """The first of these texts, and the rows that have one of them, for messages."""
        rows = self.rows(which)
        return f"{self.texts[self.place[rows.argmax()]].as_py()!r} in {rows_of(rows)}"


def rows_of(which: NDArray[np.bool_]) -> str:
    """Return which rows, for messages: the first few, and how many of how many."""
    rows = np.flatnonzero(which)
    listed = ", ".join(str(row + 1) for row in rows[:3])
    return f"row {listed}" if len(rows) <= 3 else f"row {listed}, … ({len(rows)} of {len(which)})"


def cells(values: "pa.ChunkedArray") -> Cells:
    """A column as texts; whole numbers have no point."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if types.is_boolean(values.type):
        values = pc.if_else(values, "True", "False")
    encoded = values.cast(pa.large_string(), safe=False).combine_chunks().dictionary_encode()
    kept = encoded.dictionary
    clean = pc.utf8_trim_whitespace(pc.utf8_normalize(kept, "NFC"))
    unique = pc.unique(clean.filter(pc.not_equal(clean, "")))
    again = np.asarray(pc.fill_null(pc.index_in(clean, unique), -1)).astype(np.int64)
    return Cells(
        unique,
        np.append(again, -1)[np.asarray(pc.fill_null(encoded.indices, len(again)))],
        int(pc.sum(pc.not_equal(clean, kept)).as_py() or 0),
    )


def is_text(kind: "pa.DataType") -> bool:
    """Return whether values have to be read as texts."""
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    texts = (types.is_string, types.is_large_string, types.is_string_view, types.is_boolean, types.is_null)
    return any(test(kind) for test in texts)


def is_number(kind: "pa.DataType") -> bool:
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    return any(test(kind) for test in (types.is_integer, types.is_floating, types.is_decimal))


def numbers(values: "pa.ChunkedArray") -> tuple[NDArray[np.float64], str]:
    """A column as numbers, NaN where they are missing, and what is no number, "" if nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if types.is_decimal(values.type):
        values = values.cast(pa.string())  # for Arrow's own decimals are not the nearest floats
    if is_number(values.type):
        return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(), np.float64), ""
    if not is_text(values.type):
        return np.zeros(len(values)), str(values.type)
    if types.is_null(values.type):
        return np.full(len(values), np.nan), ""
    if not types.is_boolean(values.type) and not pc.any(pc.match_substring_regex(values, CODE)).as_py():
        with contextlib.suppress(pa.ArrowInvalid):  # most columns of numbers have nothing else
            return np.asarray(values.cast(pa.float64()).to_numpy()), ""
    found = cells(values)
    readable = found.matching(NUMBER)
    given = np.full(len(found.texts) + 1, np.nan)
    given[:-1][readable] = found.texts.filter(pa.array(readable)).cast(pa.float64())
    texts = ~readable & ~np.asarray(pc.is_in(pc.utf8_lower(found.texts), pa.array(ABSENT, found.texts.type)))
    return given[found.place], found.example(texts) if texts.any() else ""


def without_label(values: "pa.ChunkedArray") -> NDArray[np.bool_]:
    """Return which rows of a label column have none."""
    import pyarrow.compute as pc

    return cells(values).place < 0 if is_text(values.type) else np.asarray(pc.is_null(values, nan_is_null=True))


def absent(missing: Mapping[str, NDArray[np.bool_]]) -> list[str]:
    """Return that columns have no value in some rows, by name, for messages."""
    if not missing:
        return []
    columns = ", ".join(f"column {name} has no value in {rows_of(rows)}" for name, rows in missing.items())
    names = shlex.join(missing)
    return [f"{columns}; fill in, remove rows, leave out (--drop {names}) or have it filled in (--missing mean)"]


class Read(NamedTuple):
    """A column as it was read."""

    column: Column
    values: "pa.ChunkedArray"  # floats, if they are numbers
    missing: NDArray[np.bool_]  # (n,) rows without a value
    fault: str = ""  # what is wrong with it
    note: str = ""  # what is to be said about it


def column_of(name: str, values: "pa.ChunkedArray") -> Read:
    """Return what a column is."""
    import pyarrow as pa

    leave = f"leave it out: --drop {shlex.quote(name)}"
    given, text = numbers(values)
    missing = np.isnan(given)
    if text == str(values.type):
        return Read(Column(name=name), values, missing, f"holds {text}; turn it into numbers or texts, or {leave}")
    if not text and not missing.all():
        column = Column(name=name, missing=bool(missing.any()))
        return Read(column, pa.chunked_array([given]), missing, not_a_number(name, given, leave))
    found = cells(values)
    missing = found.place < 0
    d, n = len(found.texts), int((~missing).sum())
    categories = tuple(sorted(found.texts.to_pylist()))
    column = Column(name=name, kind="category", categories=categories, missing=bool(missing.any()))
    number, amount = found.matching(NUMBER), found.matching(AMOUNT)
    k = int(number.sum())
    fault, notes = "", [f"{found.trimmed} texts without the spaces around them"] if found.trimmed else []
    if not d:
        fault = f"holds nothing; {leave}"
    elif found.matching(DATE).all():
        fault = f"holds dates ({found.example(number | True)}); turn them into numbers, or {leave}"
    elif found.matching(DECIMAL_COMMA).all() and not found.matching(r",\d{3}$").all():
        fault = f"has decimal commas ({found.texts[0].as_py()!r}); write points"
    elif (number | amount).all() and (written := found.matching("[^-+0-9.eE]")).any():
        fault = f"has numbers written as {found.example(written)}; write digits and a point alone, or {leave}"
    elif k > FEW or (k and d > max(SMALL, n / 2)):
        fault = f"mixes numbers and texts ({found.example(~number)}); make it one or the other, or {leave}"
    elif d > max(SMALL, n / 2):
        fault = f"has {d} different texts in {n} rows, an identifier perhaps ({found.texts[0].as_py()!r}); {leave}"
    elif d > MOST_CATEGORIES:
        fault = f"has {d} different texts, at most {MOST_CATEGORIES} can be categories; make numbers of it, or {leave}"
    elif k:
        notes.append(f"a category, for {found.example(~number)} is no number")
    return Read(column, values, missing, fault, "; ".join(notes))


def not_a_number(name: str, given: NDArray[np.float64], leave: str) -> str:
    """Return why a column of numbers, NaN where they are missing, cannot be used; "" if it can."""
    if (infinite := np.isinf(given)).any():
        return f"is infinite or beyond float64 in {rows_of(infinite)}; rescale it, or {leave}"
    n = len(given)
    distinct = n > FEW and bool((given == np.rint(given)).all()) and len(np.unique(given)) == n
    if distinct and (np.ptp(given) < 2 * n or re.search(IDENTIFIER, name)):
        return f"has another whole number in every row, an identifier perhaps; {leave}"
    return ""
