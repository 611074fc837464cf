"""Tables as users hand them in, and what is said of those that cannot be used."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiment.data.own import own_data
from experiment.data.raw import Column
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
    assert data.class_names == ("cat", "dog")
    assert data.columns == (
        Column(name="length"), Column(name="colour", categories=("blue", "green", "red")), Column(name="count"),
        Column(name="wild"),
    )  # fmt: skip
    assert data.note == "10 of 40 rows split off as test set: stratified, seed 7"
    images = np.concatenate([data.arrays.train_images, data.arrays.test_images])
    labels = np.concatenate([data.arrays.train_labels, data.arrays.test_labels])
    assert np.bincount(data.arrays.test_labels).tolist() == [5, 5]
    dummies = pd.get_dummies(TABLE.drop(columns="kind"), columns=["colour"])
    names = ["length", "colour_blue", "colour_green", "colour_red", "count", "wild"]
    expected = dummies[names].to_numpy(float)
    order, expected_order = np.argsort(images[:, 0]), np.argsort(expected[:, 0])
    np.testing.assert_array_equal(images[order], expected[expected_order])
    np.testing.assert_array_equal(labels[order], np.repeat([0, 1], 20)[expected_order])


def test_a_test_table_is_matched_by_name(tmp_path):
    TABLE.to_csv(tmp_path / "train.csv", index=False)
    TABLE[TABLE.columns[::-1]].iloc[::2].to_csv(tmp_path / "test.csv", index=False)
    data = own_data(tmp_path, "kind")
    np.testing.assert_array_equal(data.arrays.test_images, data.arrays.train_images[::2])
    np.testing.assert_array_equal(data.arrays.test_labels, data.arrays.train_labels[::2])
    assert data.note == ""


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    assert own_data(csv(tmp_path, encoding="utf-8-sig"), "kind").columns[0].name == "length"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (TABLE.drop(columns="kind"), "no column kind; its columns are length, colour"),
        (TABLE[["kind"]], "kind is the only column; add features"),
        (TABLE.assign(kind=RNG.normal(size=40)), "is no class but a number on a scale"),
        (TABLE.assign(kind=["cat"] * 39 + ["dog"]), "class dog has one example"),
        (TABLE.assign(kind="cat"), "only class cat occurs"),
        (TABLE.assign(kind=[None] + ["cat", "dog", "dog"] * 13), "row 1 has no kind; remove rows without a label"),
        (TABLE.assign(colour=[f"text {i}" for i in range(40)]).loc[np.repeat(range(40), 7)].assign(
            colour=[f"text {i}" for i in range(280)]), "column colour has 280 different texts, at most 256"),
        (TABLE.assign(length=["3.5", "long"] * 20), r"column length mixes numbers and texts \('long' in row 2\)"),
        (TABLE.assign(length=[f"{i},5" for i in range(40)]), r"column length has decimal commas \('0,5'\); write"),
        (TABLE.assign(count=[1.0, np.nan, np.nan, 2] * 10), r"column count has no value in row 2 \(20 of 40 are"),
        (TABLE.assign(colour=["red", None] * 20), "column colour has no value in row 2"),
        (TABLE.assign(length=["1e400", *["1"] * 39]), "column length is infinite or beyond float64 in row 1"),
        (TABLE[:0], "no rows"),
        (TABLE[:3].assign(kind=["cat", "cat", "dog"]), "has one example"),
        (TABLE.iloc[[0, 1, 20, 21]], "4 rows are too few to split a test part with all 2 classes off"),
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
        (b"", "empty; put the names of the columns in the first line"),
        ("kind,größe\ncat,1\n".encode("latin-1"), r"not UTF-8 \(byte 7\); save it as UTF-8, not as Latin-1"),
        (b"kind;size\ncat;1\n", "separated by semicolons; save it with commas"),
        (b"kind\tsize\ncat\t1\n", "separated by tabs"),
        (b",kind,size\n0,cat,1\n", "column 1 has no name, row numbers perhaps"),
        (b"kind,size,size\ncat,1,2\n", "two columns are called size"),
        (b"kind,size\ncat,1,2\ndog,1,3\n", "rows have more values than the first line has names"),
        (b"kind,size\ncat,1\ndog,2,3\n", "not a whole csv table"),
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
    with pytest.raises(DataError, match=r"column length holds datetime.*turn it into numbers or texts"):
        own_data(path, "kind")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="not a whole parquet table"):
        own_data(path, "kind")


def test_the_label_column_has_to_be_named(tmp_path):
    with pytest.raises(DataError, match="name the column to predict as label; its columns are length, colour"):
        own_data(csv(tmp_path))


@pytest.mark.parametrize(
    ("test", "says"),
    [
        (TABLE.drop(columns="count"), "no column count; give the columns that the model was trained on"),
        (TABLE.assign(more=1), "column more was not trained on; remove it"),
        (TABLE.assign(count="many"), "column count holds .*, not numbers"),
        (TABLE.assign(kind="cow"), "class cow does not occur"),
    ],
)
def test_a_test_table_with_other_columns_is_refused(tmp_path, test, says):
    TABLE.to_csv(tmp_path / "train.csv", index=False)
    test.to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(DataError, match=says) as error:
        own_data(tmp_path, "kind")
    assert str(tmp_path / "test.csv") in str(error.value)
