"""Tables as users hand them in, and what is said of those that cannot be used."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiment.data.columns import Column
from experiment.data.own import own_data
from experiment.data.tables import read_table
from experiment.errors import DataError

RNG = np.random.default_rng(0)
TABLE: Any = pd.DataFrame(  # its stubs take no None
    {
        "length": RNG.normal(3, 1, 40),
        "colour": RNG.choice(["red", "green", "blue"], 40),
        "kind": np.repeat(["cat", "dog"], 20),
        "count": RNG.integers(0, 9, 40),
        "wild": RNG.choice([True, False], 40),
    }
)


def csv(tmp_path, table=TABLE, **options):
    path = tmp_path / "table.csv"
    table.to_csv(path, **{"index": False} | options)
    return path


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_categories_are_one_hot_and_labels_keep_their_names(tmp_path, suffix):
    path = tmp_path / f"table.{suffix}"
    getattr(TABLE, f"to_{suffix}")(path, index=False)
    data = own_data(path, "kind", seed=7)
    assert data.info.class_names == ("cat", "dog")
    assert data.info.table.columns == (
        Column(name="length"), Column(name="colour", kind="category", categories=("blue", "green", "red")),
        Column(name="count"), Column(name="wild", kind="category", categories=("False", "True")),
    )  # fmt: skip
    assert data.info.understood == "2 numbers, 2 categories (5 values), label kind: cat 20, dog 20"
    assert data.info.note == "10 of 40 rows split off as test set: stratified, seed 7"
    images = np.concatenate([data.arrays.train_images, data.arrays.test_images])
    labels = np.concatenate([data.arrays.train_labels, data.arrays.test_labels])
    assert np.bincount(data.arrays.test_labels).tolist() == [5, 5]
    dummies = pd.get_dummies(TABLE.drop(columns="kind"), columns=["colour", "wild"])
    names = ["length", "colour_blue", "colour_green", "colour_red", "count", "wild_False", "wild_True"]
    expected = dummies[names].to_numpy(float)
    order, expected_order = np.argsort(images[:, 0]), np.argsort(expected[:, 0])
    np.testing.assert_array_equal(images[order], expected[expected_order])
    np.testing.assert_array_equal(labels[order], np.repeat([0, 1], 20)[expected_order])


def test_a_test_table_is_matched_by_name_and_further_columns_are_ignored(tmp_path):
    TABLE.to_csv(tmp_path / "train.csv", index=False)
    TABLE[TABLE.columns[::-1]].iloc[::2].assign(more="?").to_csv(tmp_path / "test.csv")  # its index has no name
    data = own_data(tmp_path, "kind")
    np.testing.assert_array_equal(data.arrays.test_images, data.arrays.train_images[::2])
    np.testing.assert_array_equal(data.arrays.test_labels, data.arrays.train_labels[::2])
    assert data.info.note == ""


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    assert own_data(csv(tmp_path, encoding="utf-8-sig"), "kind").info.table.columns[0].name == "length"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (TABLE.drop(columns="kind"), "no column kind; the columns are length, colour"),
        (TABLE[["kind"]], "kind is the only column; add features"),
        (TABLE.assign(kind=RNG.normal(size=40)), "is not a class"),
        (TABLE.assign(kind=["cat"] * 39 + ["dog"]), "class dog has one example"),
        (TABLE.assign(kind="cat"), "only class cat occurs"),
        (TABLE.assign(kind=[None] + ["cat", "dog", "dog"] * 13), "row 1 without kind; remove rows without a label"),
        (TABLE.assign(kind=RNG.permutation(40)), "40 classes in 40 rows; name a column of classes as label"),
        (TABLE.assign(kind=["cat", "cat "] * 20), "'cat' and 'cat ' are both cat; write them in one way"),
        (TABLE.assign(kind=["café", "cafe\u0301"] * 20), r"'cafe.u0301' and 'caf.xe9' are both café"),
        (TABLE.assign(colour=[f"text {i}" for i in range(40)]).loc[np.repeat(range(40), 14)].assign(
            colour=[f"text {i}" for i in range(280)] * 2), "column colour has 280 different texts, but may have 256"),
        (TABLE.assign(length=[*map(str, range(38)), "a", "b"]),
         r"column length mixes numbers and texts \('a' in row 39, 40\); use one kind only"),
        (TABLE.assign(length=[f"0{i}" for i in range(38)] + ["99", "98"]),
         "mixes numbers and texts .'00' in row 1, 2, 3, … .38 of 40"),
        (TABLE.assign(length=[f"{i},5" for i in range(40)]), r"column length has decimal commas \('0,5'\); write"),
        (TABLE.assign(count=[1.0, np.nan, np.nan, 2] * 10),
         "column count has no value in row 2, 3, 6, … .20 of 40.; .*--drop count"),
        (TABLE.assign(colour=["red", None] * 20), "column colour has no value in row 2"),
        (TABLE.assign(length=["1e400", *["1"] * 39]), "column length is infinite or beyond float64 in row 1"),
        (TABLE.assign(length=pd.date_range("2026-01-01", periods=40).astype(str)),
         "column length holds dates .*--drop length"),
        (TABLE.assign(length=["3/4/2026"] * 40), "column length holds dates"),
        (TABLE.assign(length=[f"${i}.50" for i in range(40)]), r"numbers written as '\$0.50' in row 1"),
        (TABLE.assign(length=[f"{i}%" for i in range(40)]), "numbers written as '0%' in row 1"),
        (TABLE.assign(length=[f"{i},000" for i in range(1, 41)]), "numbers written as '1,000' in row 1"),
        (TABLE.assign(length=["08:15", "9:30 PM"] * 20), "column length holds dates or times"),
        (TABLE.assign(length=["May 3, 2026", "12-Jan-2026"] * 20), "column length holds dates"),
        (TABLE.assign(length=["5/3/26"] * 40), "column length holds dates"),
        (TABLE.assign(length=[f"{i % 15} kg" for i in range(40)]), r"numbers with a unit \('0 kg' in row 1, 2, 3"),
        (TABLE.assign(length=[None, *range(7, 46)]), "(?s)a different whole number .*, perhaps an identifier"),
        (TABLE.assign(length=range(7, 47)), "a different whole number .*, perhaps an identifier; .*drop length"),
        (TABLE.assign(PersonId=[7**i % 10007 for i in range(40)]), "column PersonId has a different whole number"),
        (TABLE.assign(length=[f"k{i}" for i in range(40)]), "40 different texts in 40 rows, perhaps an identifier"),
        (TABLE.assign(length=None), "column length has no values; leave it out: --drop length"),
        (TABLE[:0], "no rows"),
        (TABLE[:3].assign(kind=["cat", "cat", "dog"]), "has one example"),
        (TABLE.iloc[[0, 1, 20, 21]], "no class has enough rows to hold out 25% for testing; give more rows"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_used_is_refused_by_its_place(tmp_path, table, says):
    path = csv(tmp_path, table)
    with pytest.raises(DataError, match=says) as error:
        own_data(path, "kind")
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty; write the names of the columns in the first line"),
        (
            "kind,größe\ncat,1\n".encode("latin-1"),
            r"not UTF-8 \(byte 7\); save it as UTF-8, not for example as Latin-1",
        ),
        (b"kind;size\ncat;1\n", "separated by semicolons; save it with commas"),
        (b"kind\tsize\ncat\t1\n", "separated by tabs"),
        (b",kind,size\n0,cat,1\n", "column 1 has no name, perhaps row numbers"),
        (b"kind,size,size\ncat,1,2\n", "two columns are called size"),
        (b"kind,size\ncat,1,2\ndog,1,3\n", "Row #2: Expected 2 columns, got 3"),
        (b"kind,size\ncat,1\ndog\n", "Row #3: Expected 2 columns, got 1"),
        (b"# of 2026\nkind,size\ncat,1\n", "starts with a comment .'# of 2026'.; remove"),
        (b"kind|size\ncat|1\n", "separated by bars"),
        ("kind,size\ncat,1\n".encode("utf-16"), "contains NUL bytes, perhaps damaged or UTF-16"),
        ("kind,size\nk\xfche,1\n".encode("latin-1"), r"not UTF-8 \(byte 11\)"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(tmp_path, content, says):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as error:
        own_data(path, "kind")
    assert str(error.value).startswith(str(path))


def test_dates_and_a_truncated_parquet_file_are_refused(tmp_path):
    path = tmp_path / "table.parquet"
    TABLE.assign(length=pd.Timestamp("2026-01-01")).to_parquet(path)
    with pytest.raises(
        DataError, match=r"column length holds timestamp.*turn it into numbers or texts, or leave it out: --drop length"
    ):
        own_data(path, "kind")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="not a complete table"):
        own_data(path, "kind")


@pytest.mark.parametrize("name", ["gene", "a" * 200])  # the header line, too, is longer than a block of 1 MB
def test_rows_longer_than_a_block_are_read(tmp_path, name):
    m = 40_000 if name == "gene" else 6_000
    header = ",".join([*(f"{name}{j}" for j in range(m)), "kind"])
    rows = (",".join([*["0.123456789012345678901234567890"] * (m - 1), str(i % 7), "ab"[i % 2]]) for i in range(8))
    (tmp_path / "wide.csv").write_text("\n".join([header, *rows]))
    assert read_table(tmp_path / "wide.csv").shape == (8, m + 1)


@pytest.mark.parametrize("text", ["same quote " * 20_000, "\n".join(f"{i},a" for i in range(40_000))])
def test_an_open_quote_is_told_in_a_short_message(tmp_path, text):
    for content in (f'"x,kind\n{text}', f'x,kind\n1,b\n2,b\n3,"a{text}\n'):
        (tmp_path / "open.csv").write_text(content)
        with pytest.raises(DataError) as error:
            own_data(tmp_path / "open.csv", "kind")
        assert len(str(error.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("values", "alike"),
    [
        (["Red", "red"], "'Red' and 'red'"),
        (["a b", "a\u00a0b"], r"'a b' and 'a\xa0b'"),
        (["ab", "a\u200bb"], r"'ab' and 'a\u200bb'"),
        (["007", "7"], "'007' and '7'"),
        ([str(2**60), str(2**60 + 1)], ""),
        (["1-5", "15"], ""),
    ],
)
def test_names_that_look_alike_are_mentioned(tmp_path, values, alike):
    for table in (TABLE.assign(colour=[*values, "x", "x"] * 10), TABLE.assign(kind=values * 20)):
        info = own_data(csv(tmp_path, table), "kind").info
        said = info.note + "; ".join(info.warnings)
        assert ("alike" in said) == bool(alike)
        assert alike in said


def test_labels_that_are_lists_are_refused(tmp_path):
    TABLE.assign(kind=[["cat"], ["dog"]] * 20).to_parquet(tmp_path / "lists.parquet")
    with pytest.raises(DataError, match=r"column kind holds list<.*; give labels as integers or texts"):
        own_data(tmp_path / "lists.parquet", "kind")


def test_the_label_column_has_to_be_named(tmp_path):
    with pytest.raises(DataError, match="name the column to predict with label; the columns are length, colour"):
        own_data(csv(tmp_path))


@pytest.mark.parametrize(
    ("test", "says"),
    [
        (TABLE.drop(columns="count"), "no column count; give the columns that the model was trained on"),
        (TABLE.assign(count="many"), "column count holds 'many' in row 1, 2, 3, … .40 of 40., not numbers"),
        (TABLE.assign(kind="cow"), "class cow does not occur in .*train.csv: column kind; remove"),
        (TABLE.assign(kind="CAT"), r"class CAT does not occur in .* \('cat' does\); remove"),
    ],
)
def test_a_test_table_with_other_columns_is_refused(tmp_path, test, says):
    TABLE.to_csv(tmp_path / "train.csv", index=False)
    test.to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(DataError, match=says) as error:
        own_data(tmp_path, "kind")
    assert str(tmp_path / "test.csv") in str(error.value)


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    path = csv(tmp_path, TABLE.assign(id=range(40), count=[None, *[1, 2, 3] * 13], wild="", day="2026-01-02"))
    with pytest.raises(DataError) as error:
        own_data(path, "kind", drop=("colours",))
    said = str(error.value)
    for fault in (
        "5 faults", "no column colours; the columns are length, colour", "did you mean colour?",
        "column id has a different", "column count has no value in row 1", "wild has no values", "day holds dates",
    ):  # fmt: skip
        assert fault in said
    data = own_data(path, "kind", drop=("id", "count", "wild", "day"))
    assert data.info.table.names == ("length", "colour=blue", "colour=green", "colour=red")
    assert "left out id, count, wild, day" in data.info.understood.replace("count, wild, id", "id, count, wild")
