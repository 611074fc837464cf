"""One table, whatever it is written as; and its rows, however they are parted."""

import decimal
import gzip
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.data.labels import labels_of
from experiment.data.schema import Schema, as_table, schema_of
from experiment.data.tables import read_tables
from experiment.errors import DataError
from experiment.model import load

N = 24
WORDS = (
    "NA",
    "None",
    "nan",
    "TRUE",
    "FALSE",
    "red",
    " red",
    "güell",
    "a,b",
    'say "x"',
    "=1+1",
    "1",
    "2",
    "3+",
    "007",
    "x\ny",
)


def column(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=N, max_size=N)


letters = st.characters(exclude_characters="\0\r", exclude_categories=["Cs"])  # pandas writes \r without quotes
few = st.lists(st.sampled_from(WORDS) | st.text(letters, min_size=1, max_size=3), min_size=1, max_size=5, unique=True)
texts = few.flatmap(lambda words: column(st.sampled_from(words)))
columns = st.one_of(
    column(st.floats(allow_nan=False, width=64)),
    column(st.integers(-(2**63), 2**63 - 1)),
    column(st.integers(0, 2)),
    column(st.booleans()),
    column(st.decimals(-99, 99, places=2)),
    column(st.integers(0, 99).map(str)),
    texts,
    column(st.none() | st.sampled_from(["red", "blue"])),
    column(st.none() | st.floats(0, 1)),
)
labels = st.sampled_from([("ant", "bee"), (1, 2), (10, 9), (False, True), ("001", "1"), ("NA", "None"), ("1.5a", "ä")])
tables = st.builds(
    lambda columns, labels: pd.DataFrame(
        {f"c{i}": pd.Series(values, dtype=object) for i, values in enumerate(columns)}
        | {"kind": pd.Series(labels * (N // 2), dtype=object)}
    ),
    st.lists(columns, min_size=1, max_size=4),
    labels.map(list),
)  # fmt: skip


def arrow(table: pd.DataFrame, text: pa.DataType | None = None) -> pa.Table:
    """Return the table in types of Arrow's, texts in one that is not the usual."""
    made = pa.table({name: pa.array(table[name]) for name in table})
    if text is None:
        return made
    fields = [(f.name, text if f.type == pa.string() else f.type) for f in made.schema]
    return made.cast(pa.schema(fields))


def write(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write a table as people do."""
    typed = table.convert_dtypes()
    table.to_csv(folder / "comma.csv", index=False)
    table.to_csv(folder / "TAB.TSV", index=False, sep="\t", lineterminator="\r\n", encoding="utf-8-sig")
    (folder / "packed.csv.gz").write_bytes(gzip.compress(b"\nsep=;\n" + table.to_csv(index=False, sep=";").encode()))
    table.infer_objects().to_parquet(folder / "pandas.parquet", index=False)
    typed.sample(frac=1, random_state=0).sort_index().iloc[::-1].iloc[::-1].to_parquet(folder / "indexed.parquet")
    typed.assign(row=range(N)).set_index("row").to_parquet(folder / "named_index.parquet")
    typed.astype({name: "category" for name in table if isinstance(table[name][0], str)}).to_parquet(
        folder / "categories.parquet", index=False
    )
    for name, text in {
        "strings": None,
        "large": pa.large_string(),
        "codes": pa.dictionary(pa.int32(), pa.string()),
    }.items():
        pq.write_table(arrow(table, text), folder / f"{name}.parquet")
    return sorted(folder.iterdir())


def understood(path: Path) -> Any:
    """Return all that a table was read as, or what was wrong with it."""
    try:
        raw = read_tables(path, None, "kind")
        found = labels_of(raw.train.labels, "")
    except DataError as error:
        return str(error).replace(str(path), "the table")
    assert raw.table
    kept = tuple(column for column in raw.table.columns if column.kind != "dropped")  # an index that has a name
    return kept, raw.train.values.tolist(), found.names, found.numbers.tolist(), raw.notes


@settings(max_examples=30, deadline=None)
@given(tables)
def test_a_table_means_the_same_whatever_it_is_written_as(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("table")
    first, *others = [(path.name, understood(path)) for path in write(table, folder)]
    for name, found in others:
        assert found == first[1], (name, first[0])


@settings(max_examples=60, deadline=None)
@given(tables, st.randoms())
def test_the_test_part_is_read_as_the_training_part_was(table, random):
    rows = random.sample(range(N), N)
    train, test = (as_table(table.iloc[part].reset_index(drop=True)) for part in (rows[:16], rows[16:]))
    try:
        schema, _, _ = schema_of(train, "kind", "the table", missing="mean")
        values, warning = schema.read(test, "the test table")
    except DataError:
        return
    assert values.shape == (N - 16, len(schema.names))
    assert Schema.model_validate_json(schema.model_dump_json()) == schema
    at = 0
    for column in schema.columns:
        block = values[:, at : at + len(column.features)]
        at += len(column.features)
        known = table[column.name].iloc[rows[16:]]
        if column.kind == "number":
            np.testing.assert_array_equal(block[:, 0], [np.nan if v is None else float(v) for v in known])
        else:
            expected = [
                [float(unicodedata.normalize("NFC", str(v)).strip() == text) for text in column.categories]
                for v in known
            ]
            np.testing.assert_array_equal(block[:, : len(column.categories)], expected)
            seen = all(v is None or not str(v).strip() or any(row) for v, row in zip(known, expected, strict=True))
            assert seen != (f"column {column.name} has" in warning)


def test_decimals_digits_and_dictionaries_of_numbers_are_numbers():
    price = [decimal.Decimal(i) / 4 for i in range(N)]
    frame = pa.table({
        "decimal": pa.array(price), "digits": [str(float(p)) for p in price],
        "coded": pa.array(list(map(float, price))).dictionary_encode(),
        "half": pa.array(np.arange(N, dtype=np.float16) / 4),
        "kind": ["ant", "bee"] * (N // 2),
    })  # fmt: skip
    schema, _, _ = schema_of(as_table(frame), "kind", "the table")
    np.testing.assert_array_equal(schema.features(frame), np.tile(np.arange(N) / 4, (4, 1)).T)


@pytest.mark.parametrize(
    ("trained", "new", "read_as", "says"),
    [
        ([True, False], ["TRUE", "true"], ["True", "True"], "read as the category that differs from it only in case"),
        (["Yes", "no"], ["yes", "NO"], ["Yes", "no"], "only in case"),
        (["Red", "red"], ["RED", "red"], [None, "red"], "'RED' in row 1, a category that the model was not trained on"),
    ],
)
def test_a_category_in_another_case_is_read_if_only_one_can_be_meant(trained, new, read_as, says):
    frame = pd.DataFrame({"flag": trained * 12, "kind": ["ant", "bee"] * 12})
    schema, _, _ = schema_of(as_table(frame), "kind", "the table")
    block, warning = schema.read(as_table(pd.DataFrame({"flag": new})), "new.csv")
    assert [[f"flag={text}" == name for name in schema.names] for text in read_as] == block.astype(bool).tolist()
    assert says in warning


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([20260501, 20260515, 20260630, 20251231] * 6, "column x: a number; if 20251231 is a date, turn it into days"),
        ([20260501, 20260515, 20260632, 20251231] * 6, ""),
        ([1, 2.5, 999, 7] * 6, r"if 999 \(6 rows; the others have 1 to 7\) stands for a missing value"),
        ([-9999, 250, 1000, 7] * 6, r"if -9999 \(6 rows; the others have 7 to 1000\) stands for a missing value"),
        ([98.9, 20, 1, 7] * 6, ""),
        ([*range(6), 999] * 3 + [8, 2, 4], "stands for a missing value"),
        ([*range(23), 999], ""),  # once, it may be so
        ([99, 20, 85, 7] * 6, ""),
        ([0, 99] * 12, ""),
    ],
)
def test_numbers_that_may_be_something_else_are_named(values, says):
    _, _, notes = schema_of(pa.table({"x": values, "kind": ["ant", "bee"] * 12}), "kind", "new.csv")
    assert re.search(says, " ".join(notes)) if says else not notes


def test_columns_of_rare_types_are_read_as_their_values():
    a, b = np.tile([0.0, 0, 2, 3], 6), np.array(["x", "y"] * 12)
    plain = pd.DataFrame({"a": a, "b": b, "kind": ["ant", "bee"] * 12})
    schema, _, _ = schema_of(as_table(plain), "kind", "the table")
    view = pa.table({"a": a, "b": pa.array(b.tolist(), pa.string_view())})
    coded = pa.table({"a": a, "b": pa.array(b.tolist(), pa.string_view()).dictionary_encode()})
    for frame in (plain.assign(a=pd.arrays.SparseArray(a)), view, coded):
        np.testing.assert_array_equal(schema.features(frame), schema.features(plain))


@pytest.mark.parametrize("row", [pd.Series({"a": 1}), {"a": [1]}, [[1]]])
def test_what_is_no_table_is_refused_by_its_kind(row):
    with pytest.raises(DataError, match=f"a {type(row).__name__} is not a table; give a DataFrame"):
        as_table(row)


def test_intervals_are_refused_by_their_type():
    frame = pd.DataFrame({"a": pd.cut(np.arange(N), 4), "kind": ["ant", "bee"] * (N // 2)})
    with pytest.raises(DataError, match=r"column a holds extension<pandas\.interval"):
        schema_of(as_table(frame), "kind", "the table")


def test_a_column_that_is_missing_in_a_new_table_is_looked_for_in_another_case():
    schema, _, _ = schema_of(as_table(pd.DataFrame({"Age": [1.5, 2] * 12, "kind": ["a", "b"] * 12})), "kind", "it")
    with pytest.raises(DataError, match=r"no column Age; did you mean age\?"):
        schema.features(pd.DataFrame({"age": [1.5]}))
    with pytest.raises(DataError, match="row 1; fill them in, remove the rows, or train with --missing mean"):
        schema.features(pd.DataFrame({"Age": [None]}))


@pytest.mark.parametrize("values", [[1, 2.5, "x", None], [b"ab", 3, None, "y"], [2**70, 1, 2, 3]])
def test_a_data_frame_with_columns_of_several_types_is_read(values):
    assert as_table(pd.DataFrame({0: values})).column_names == ["0"]


def test_a_table_model_of_an_earlier_version_is_refused_with_a_word(tmp_path):
    old = {"W": np.ones((1, 2), "f4"), "b": np.ones(2, "f4"), "class_names": np.array(["a", "b"]), "label": "kind"}
    np.savez(tmp_path / "model.npz", scaling="none", columns='[{"name": "x", "categories": null}]', **old)
    with pytest.raises(DataError, match=r"model.npz: a model of another version of this program; run its sweep again"):
        load(tmp_path / "model.npz")
