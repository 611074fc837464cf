"""Data that cannot be used, on the command line: exit code 2, what is wrong and what to do, nothing written."""

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"size": RNG.normal(size=60), "fur": ["long", "short"] * 30, "kind": ["cat", "dog", "cow"] * 20})


@pytest.mark.parametrize(
    ("table", "arguments", "says"),
    [
        (TABLE, [], "name the column to predict with label; the columns are size, fur, kind"),
        (TABLE, ["--label", "sort"], "no column sort; the columns are size, fur, kind"),
        (TABLE, ["--label", "size"], "is not a class"),
        (TABLE.assign(size=[np.nan, *range(59)]), ["--label", "kind"], "column size has no value in row 1"),
        (TABLE.assign(size=[1e200, *range(59)]), ["--label", "kind"], "is beyond 1e+150, the limit of scaling auto"),
        (TABLE.assign(size=[1e40, *range(59)]), ["--label", "kind", "--scaling", "none"], "is beyond 3e+38, the limit"),
        (TABLE, ["--label", "kind", "--scaling", "magic"], "--scaling: magic is not possible"),
        (
            TABLE,
            ["--label", "kind", "--data-dir", "."],
            "data and data_dir both name a data set: give only one of them",
        ),
        (TABLE, ["--label", "kind", "--batch-sizes", 64], "batch_sizes: 64 is more than the 36 training rows"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(refused, tmp_path, table, arguments, says):
    table.to_csv(tmp_path / "table.csv", index=False)
    assert says in refused("--data", tmp_path / "table.csv", *arguments)


@pytest.mark.parametrize("name", ["table.csv", "set.npz", "no/folder"])
def test_what_is_not_there_is_refused(refused, tmp_path, name):
    said = refused("--data", tmp_path / name)
    assert f"{tmp_path / name}: no such folder or file; data takes a folder" in said


def test_an_archive_with_pickles_is_refused(refused, tmp_path):
    np.savez(tmp_path / "set.npz", x_train=np.array([[1, None]] * 9), y_train=np.arange(9) % 3)
    assert "holds Python objects" in refused("--data", tmp_path / "set.npz")
