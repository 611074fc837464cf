"""Combinations and grids that are listed: files of every kind, leaderboards, grids as scikit-learn's."""

import json

import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.model_selection import ParameterGrid

from experiment.axes import Combination
from experiment.config import Experiment
from experiment.errors import InputError
from experiment.search.sampling import check_grids, check_search

ROWS = [
    {"learning_rate": 0.1, "batch_size": 8, "alpha": 0.0},
    {"learning_rate": 1 / 3, "batch_size": 16, "alpha": 1e-5, "decay": "cosine"},
]


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "text"])
def test_a_row_is_a_combination_to_the_last_bit_whatever_the_kind_of_file(tmp_path, kind):
    path = tmp_path / f"rows.{kind}"
    table = pd.DataFrame(ROWS)
    if kind == "csv":
        table.to_csv(path, index=False)
    elif kind == "parquet":
        table.to_parquet(path)
    else:
        path.write_text(json.dumps(ROWS))
    experiment = Experiment(grids=path.read_text() if kind == "text" else str(path), momentum=(0.9,))
    check_grids(experiment)
    assert list(experiment.combinations) == [Combination(**row, momentum=0.9) for row in ROWS]


def test_a_leaderboard_lists_its_combinations_and_not_the_baseline(tmp_path):
    figures = {"val_accuracy": [0.9, 0.8, 0.7], "wandb_runs": ["a", "b", "c"], "behind_best": [0, 0.1, None]}
    rows = pd.DataFrame(
        {**figures, "learning_rate": [0.1, 0.2, None], "batch_size": [8, 8, None], "alpha": [0, 0, 0.1]}
    )
    rows.assign(rank=[1, 2, None]).to_csv(tmp_path / "leaderboard.csv", index=False)
    experiment = Experiment(grids=str(tmp_path / "leaderboard.csv"))
    assert [one.learning_rate for one in experiment.combinations] == [0.1, 0.2]


def test_several_grids_are_scikit_learns():
    grids = [{"learning_rate": [0.1, 0.2], "momentum": [0.0]}, {"learning_rate": [0.2], "momentum": [0.5, 0.9]}]
    experiment = Experiment(grids=grids, batch_sizes=(8,), alphas=(0,))
    check_grids(experiment)
    expected = [Combination(batch_size=8, alpha=0, **point) for point in ParameterGrid(grids)]
    assert set(experiment.combinations) == set(expected)
    assert len(experiment.combinations) == len(expected) == experiment.at_once
    assert experiment.grid["momentum"] == (0.0, 0.5, 0.9)


def test_an_axis_that_a_grid_leaves_out_has_the_values_of_its_flag():
    experiment = Experiment(grids=[{"momentum": [0.9]}])
    assert experiment.combinations == Experiment(momentum=(0.9,)).combinations


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("learning_rat,batch_size,alpha\n0.1,8,0\n", "Extra inputs"),
        ("learning_rate,batch_size,alpha\n-0.1,8,0\n", "greater than 0"),
        ("learning_rate,batch_size,alpha\n", "it lists no combinations"),
        ("", "it lists no combinations"),
        ("alpha,learning_rate,alpha\n1,0.1,2\n", "a column occurs twice: give a CSV"),
        ("alpha\n1,2\n", "a row has more cells than there are columns: give a CSV"),
    ],
)
def test_a_file_without_combinations_is_refused(tmp_path, rows, says):
    path = tmp_path / "rows.csv"
    path.write_text(rows)
    with pytest.raises(ValidationError, match=says):
        Experiment(grids=str(path))


@pytest.mark.parametrize("content", ['{"alpha": [0, 0.1]}', "0", "null", '"alpha"', "[0]", "[[]]", "{}"])
def test_json_that_is_no_list_of_objects_is_refused(tmp_path, content):
    path = tmp_path / "rows.json"
    path.write_text(content)
    with pytest.raises(ValidationError, match=r"give a CSV, JSON or Parquet file|it lists no combinations"):
        Experiment(grids=str(path))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"grids": [ROWS[0], ROWS[1], ROWS[0]]}, "combinations: lr=0.1 batch=8 alpha=0 is listed twice"),
        ({"grids": [ROWS[0], {"learning_rate": 0.1}]}, "combinations: row 2 has no batch_size: .*--batch-sizes"),
        ({"grids": ROWS, "trials": 2}, "trials: combinations and where are for grids"),
        ({"where": "alpha > 5"}, "where: alpha > 5 leaves out every combination"),
    ],
)
def test_what_cannot_be_trained_is_refused(settings, says):
    experiment = Experiment(**settings)
    with pytest.raises(InputError, match=says):
        (check_search if experiment.trials else check_grids)(experiment)
