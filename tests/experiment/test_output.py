"""What is written for spreadsheets."""

import io

import pandas as pd
import pytest

from experiment.output import as_csv


@pytest.mark.parametrize("text", ["=1+1", "+49 1", "-x", "@SUM(A1)", "\tx", "=cmd|' /C calc'!A0", "-1+1"])
def test_a_text_that_begins_like_a_formula_is_quoted_in_cells_and_names(text):
    written = pd.read_csv(io.StringIO(as_csv(pd.DataFrame({text: [text, "x"]}))))
    assert written.columns.tolist() == [f"'{text}"]
    assert written.iloc[:, 0].tolist() == [f"'{text}", "x"]


def test_all_else_is_written_as_pandas_writes_it():
    table = pd.DataFrame(
        {
            "k": [1, 2],
            "x": [-0.5, 1e-9],
            "t": ["-1", "a=b"],
            "m": pd.Series([1, None], dtype=object),
            "b": [True, False],
        }
    ).set_axis(["k", "x", "t", "t", "-1"], axis="columns")
    assert as_csv(table) == table.to_csv(index=False)
    assert as_csv(table, header=False) == table.to_csv(index=False, header=False)
