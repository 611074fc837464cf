"""Columns that give the label away, and test rows that were trained on, against pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.data.formats import Arrays
from experiment.data.leaks import MOST_VALUES, ROWS_PER_VALUE, giving_away, repeated
from experiment.data.own import own_data
from experiment.data.schema import as_table, schema_of

RNG = np.random.default_rng(4)
N = 120
KIND = np.array(["ant", "bee", "cow"])[RNG.integers(0, 3, N)]
TABLE = pd.DataFrame({"a": RNG.normal(size=N).round(4), "b": RNG.integers(0, 5, N), "kind": KIND})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=40, max_size=80),
    st.sampled_from([int, "text{}".format, lambda k: k if k else None]),
)
def test_a_column_gives_the_label_away_if_each_value_has_one_class(rows, form):
    frame = pd.DataFrame({"x": [form(k) for k, _ in rows], "one": 1, "label": [c for _, c in rows]})
    frame.loc[0, "x"] = form(1)  # a column without values is refused
    schema, table, _ = schema_of(as_table(frame), "label", "t.csv", missing="mean")
    classes = np.unique(frame.label, return_inverse=True)[1]
    groups = frame.groupby("x", dropna=False).label.nunique()
    expected = 1 < len(groups) <= min(MOST_VALUES, len(rows) / ROWS_PER_VALUE) and bool((groups == 1).all())
    said = giving_away(schema, schema.read(table, "t.csv")[0], classes)
    assert bool(said) == expected
    assert all("column x gives label away" in warning for warning in said)


@pytest.mark.parametrize("copy", [KIND, np.char.upper(KIND), pd.Series(KIND).map({"ant": 3, "bee": 1, "cow": 2})])
def test_a_copy_of_the_label_is_a_warning(tmp_path, copy):
    TABLE.assign(target=copy).to_csv(tmp_path / "t.csv", index=False)
    assert "column target gives kind away: each of its 3 values" in "".join(
        own_data(tmp_path / "t.csv", "kind").info.warnings
    )


def test_test_rows_among_the_training_rows_are_counted(tmp_path):
    TABLE.to_csv(tmp_path / "train.csv", index=False)
    TABLE[40:].assign(a=lambda t: t.a.where(t.index >= 60, t.a + 0.1)).to_csv(tmp_path / "test.csv", index=False)
    (warning,) = own_data(tmp_path, "kind").info.warnings
    assert warning.startswith("60 of 80 test rows equal a training row")
    twice = pd.concat([TABLE, TABLE])
    twice.to_csv(tmp_path / "twice.csv", index=False)
    info = own_data(tmp_path / "twice.csv", "kind").info
    assert "test rows equal a training row in all columns" in info.note
    assert not info.warnings


def test_rows_are_the_same_whatever_their_type_but_not_with_another_label():
    images = np.arange(40).reshape(20, 2)
    labels = np.arange(20) % 2
    assert "20 of 20" in repeated(Arrays(images.astype(np.uint8), labels, images.astype(np.float32), labels))
    assert not repeated(Arrays(images, labels, images, 1 - labels))
