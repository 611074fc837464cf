"""Columns of a table: their kinds (numbers or categories) and their faults."""

import contextlib
import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.data.names import alike, quoted
from experiment.values import Frozen

if TYPE_CHECKING:
    import pyarrow as pa

MOST_CATEGORIES = 256  # a column with more different texts contains names or sentences
MOST_NUMERIC_CATEGORIES = 20  # a column with more different numbers among its texts is mixed
FEWEST_FOR_IDENTIFIER = 21  # rows: fewer distinct whole numbers may be features
FEW_VALUES = 10  # so few different values may be categories, however few the rows
CODE = r"^\s*[-+]?0\d"  # a leading zero: a code, not a number
DIGITS = "-+0123456789., "
NUMBER = r"^[-+]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][-+]?\d+)?$|^[-+]?(?i:inf|infinity)$"
DATE = (  # or a time of day
    r"^((\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{2}|\d{4}))([T ].*)?"
    r"|(\d{1,2}[- ][A-Za-z]{3,9}|[A-Za-z]{3,9} \d{1,2},)[- ]\d{4}"
    r"|\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?)$"
)
DIGIT_DATE = r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
NINES = r"-?99+"  # often stands for a missing value
UNIT = r"^[-+]?\d+([.,]\d+)? ?[^-+0-9.,: /]+$"  # after a number
DECIMAL_COMMA = r"^[-+]?\d+,\d+$"
AMOUNT = r"^[-+]?[$€£¥]? ?[-+]?(\d{1,3}([.,' ]\d{3})+|\d+)([.,]\d+)? ?[%$€£¥]?$"
IDENTIFIER = r"(^|[^a-zA-Z])(id|ID|Id|uuid|UUID)$|[a-z](Id|ID)$"
ABSENT = (  # missing values in a column of numbers
    "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none", "?", "-", "--", ".",
)  # fmt: skip


class Column(Frozen):
    """A column of a table: numbers; or texts, one feature for each of `categories`; or dropped."""

    name: str
    kind: Literal["number", "category", "dropped"] = "number"
    categories: tuple[str, ...] = ()
    missing: bool = False  # values are missing: a further feature marks where

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features."""
        values = {"number": [self.name], "category": [f"{self.name}={text}" for text in self.categories], "dropped": []}
        return (*values[self.kind], *([f"{self.name} missing"] if self.missing else []))


class Cells(NamedTuple):
    """A column of n texts, d of them different."""

    texts: "pa.Array"  # (d,) in Unicode form NFC, without surrounding spaces
    codes: NDArray[np.int64]  # (n,) in 0 … d − 1; −1: missing
    trimmed: int  # texts that were changed to that form

    def matching(self, pattern: str) -> NDArray[np.bool_]:
        """Mask of the texts that match a regular expression, (d,)."""
        import pyarrow.compute as pc

        return np.asarray(pc.match_substring_regex(self.texts, pattern))

    def example(self, texts: NDArray[np.bool_]) -> str:
        """The first of the texts and the rows with one of them, for messages."""
        rows = np.append(texts, False)[self.codes]
        return f"{quoted(self.texts[self.codes[rows.argmax()]].as_py())} in {rows_of(rows)}"


def rows_of(mask: NDArray[np.bool_]) -> str:
    """The first rows of a mask and their number, for messages."""
    rows = np.flatnonzero(mask)
    listed = ", ".join(str(row + 1) for row in rows[:3])
    return f"row {listed}" if len(rows) <= 3 else f"row {listed}, … ({len(rows)} of {len(mask)})"


def cells(values: "pa.ChunkedArray") -> Cells:
    """A column as texts. Integers have no decimal point."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    if types.is_boolean(values.type):
        values = pc.if_else(values, "True", "False")
    encoded = values.cast(pa.large_string(), safe=False).combine_chunks().dictionary_encode()
    original = encoded.dictionary
    clean = pc.utf8_trim_whitespace(pc.utf8_normalize(original, "NFC"))
    unique = pc.unique(clean.filter(pc.not_equal(clean, "")))
    codes = np.asarray(pc.fill_null(pc.index_in(clean, unique), -1)).astype(np.int64)
    return Cells(
        unique,
        np.append(codes, -1)[np.asarray(pc.fill_null(encoded.indices, len(codes)))],
        int(pc.sum(pc.not_equal(clean, original)).as_py() or 0),
    )


def is_text(kind: "pa.DataType") -> bool:
    """Whether a column of this type is read as texts."""
    from pyarrow import types

    texts = (types.is_string, types.is_large_string, types.is_boolean, types.is_null)
    return any(test(kind) for test in texts)


def numbers(values: "pa.ChunkedArray") -> tuple[NDArray[np.float64], str]:
    """A column as numbers (NaN: missing), and a description of texts that are not numbers ("": none)."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    if types.is_decimal(values.type):  # Arrow's own conversion does not give the nearest floats
        return np.asarray(values.cast(pa.string()).cast(pa.float64()).to_numpy(), np.float64), ""
    if types.is_integer(values.type) or types.is_floating(values.type):
        return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(), np.float64), ""
    if not is_text(values.type):
        return np.zeros(len(values)), str(values.type)
    if types.is_null(values.type):
        return np.full(len(values), np.nan), ""
    if not types.is_boolean(values.type) and not pc.any(pc.match_substring_regex(values, CODE)).as_py():
        with contextlib.suppress(pa.ArrowInvalid):  # most columns of numbers contain only numbers
            return np.asarray(values.cast(pa.float64()).to_numpy()), ""
    column = cells(values)
    numeric = column.matching(NUMBER)
    parsed = np.full(len(column.texts) + 1, np.nan)
    parsed[:-1][numeric] = column.texts.filter(pa.array(numeric)).cast(pa.float64())
    others = ~numeric & ~np.asarray(pc.is_in(pc.utf8_lower(column.texts), pa.array(ABSENT, column.texts.type)))
    return parsed[column.codes], column.example(others) if others.any() else ""


def without_label(values: "pa.ChunkedArray") -> NDArray[np.bool_]:
    """Mask of the rows without a label."""
    import pyarrow.compute as pc

    return cells(values).codes < 0 if is_text(values.type) else np.asarray(pc.is_null(values, nan_is_null=True))


def absent(missing: Mapping[str, NDArray[np.bool_]], remedy: str) -> list[str]:
    """The fault of missing values, [] if there are none; `missing` masks the rows without a value, by column."""
    if not missing:
        return []
    columns = ", ".join(f"column {name} has no value in {rows_of(rows)}" for name, rows in missing.items())
    return [f"{columns}; fill them in, remove the rows, {remedy}"]


class ReadColumn(NamedTuple):
    """A column with its values and faults."""

    column: Column
    values: "pa.ChunkedArray"  # floats for numbers
    missing: NDArray[np.bool_]  # (n,) mask of the rows without a value
    fault: str = ""
    note: str = ""


def column_of(name: str, values: "pa.ChunkedArray") -> ReadColumn:
    """A column with its kind inferred from its values."""
    import pyarrow as pa

    drop = f"leave it out: --drop {shlex.quote(name)}"
    given, text = numbers(values)
    missing = np.isnan(given)
    if text == str(values.type):
        return ReadColumn(Column(name=name), values, missing, f"holds {text}; turn it into numbers or texts, or {drop}")
    if not text and not missing.all():
        column, fault = Column(name=name, missing=bool(missing.any())), number_fault(name, given, drop)
        return ReadColumn(column, pa.chunked_array([given]), missing, fault, number_note(name, given[~missing], drop))
    content = cells(values)
    missing = content.codes < 0
    d, n = len(content.texts), int((~missing).sum())
    categories = tuple(sorted(content.texts.to_pylist()))
    column = Column(name=name, kind="category", categories=categories, missing=bool(missing.any()))
    number, amount = content.matching(NUMBER), content.matching(AMOUNT)
    k = int(number.sum())
    fault, notes = "", [f"removed spaces around {content.trimmed} texts"] if content.trimmed else []
    if not d:
        fault = f"has no values; {drop}"
    elif content.matching(DATE).all():
        fault = f"holds dates or times ({content.example(number | True)}); turn them into numbers, or {drop}"
    elif content.matching(DECIMAL_COMMA).all() and not content.matching(r",\d{3}$").all():
        fault = f"has decimal commas ({content.texts[0].as_py()!r}); write decimal points"
    elif (number | amount).all() and (written := content.matching("[^-+0-9.eE]")).any():
        fault = f"has numbers written as {content.example(written)}; write plain digits with a decimal point, or {drop}"
    elif d > FEW_VALUES and content.matching(UNIT).all() and len({text.lstrip(DIGITS) for text in categories}) == 1:
        fault = f"has numbers with a unit ({content.example(~number)}); write the numbers alone, or {drop}"
    elif k > MOST_NUMERIC_CATEGORIES or (k and d > max(FEW_VALUES, n / 2)):
        fault = (
            f"mixes numbers and texts ({content.example(~number)}); use one kind only (an empty cell is a missing "
            f"value), or {drop}"
        )
    elif d > max(FEW_VALUES, n / 2):
        fault = (
            f"has {d} different texts in {n} rows, perhaps an identifier ({quoted(content.texts[0].as_py())}); {drop}"
        )
    elif d > MOST_CATEGORIES:
        fault = f"has {d} different texts, but may have {MOST_CATEGORIES} categories; turn it into numbers, or {drop}"
    elif k:
        notes.append(f"a category, because {content.example(~number)} is not a number")
    if not fault and (pair := alike(categories)):
        notes.append(f"{quoted(pair[0])} and {quoted(pair[1])}, which look alike, are two categories")
    return ReadColumn(column, values, missing, fault, "; ".join(notes))


def number_fault(name: str, given: NDArray[np.float64], drop: str) -> str:
    """The fault of a column of numbers (NaN: missing); "" if there is none."""
    if (infinite := np.isinf(given)).any():
        return f"is infinite or beyond float64 in {rows_of(infinite)}; rescale it, or {drop}"
    given = given[~np.isnan(given)]
    n = len(given)
    distinct = n >= FEWEST_FOR_IDENTIFIER and bool((given == np.rint(given)).all()) and len(np.unique(given)) == n
    if distinct and (np.ptp(given) < 2 * n or re.search(IDENTIFIER, name)):
        return f"has a different whole number in every row, perhaps an identifier; {drop}"
    return ""


def number_note(name: str, given: NDArray[np.float64], drop: str) -> str:
    """What a column of numbers (without missing ones) may be instead; "" if nothing suggests it."""
    values, counts = np.unique(given, return_counts=True)
    whole = values == np.rint(values)
    if whole.all() and re.search(IDENTIFIER, name):
        return f"a number; if it is an identifier, {drop}"
    if whole.all() and len(values) > 2 and all(re.fullmatch(DIGIT_DATE, f"{value:.0f}") for value in values):
        return f"a number; if {values[0]:.0f} is a date, turn it into days, or {drop}"
    for end, others in ((-1, values[:-1]), (0, values[1:])):
        suspect = len(others) > 1 and counts[end] > 1 and whole[end] and re.fullmatch(NINES, f"{values[end]:.0f}")
        if suspect and np.abs(others - values[end]).min() > np.ptp(others):
            return (
                f"a number; if {values[end]:.0f} ({counts[end]} rows; the others have {others[0]:g} to {others[-1]:g}) "
                "stands for a missing value, leave these cells empty"
            )
    return ""
