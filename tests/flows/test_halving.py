"""Successive halving against a replay on the full grid's curves, and what the two share."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from execution.config import Execution
from execution.storage.arrays import open_array
from experiment.config import Experiment
from flows.sweep import sweep
from tests.offline import offline_runs

GRID = {
    "learning_rates": (0.5, 0.1, 0.02, 0.004), "batch_sizes": (16, 64), "alphas": (0.0, 0.01), "max_epochs": 40,
    "patience": 4,
}  # fmt: skip
HALVED = {"halving": 2, "first_rung": 2}


@pytest.fixture
def execution(tmp_path, prefect_server):
    return Execution(artifacts=tmp_path / "artifacts", workers=2, wandb_mode="offline")


@pytest.fixture
def full(digits):
    return Experiment(data_dir=digits, **GRID)


@pytest.fixture
def halved(full):
    return full.model_copy(update=HALVED)


def leaderboard(execution):
    return pd.read_csv(execution.artifacts / "sweeps" / "latest" / "leaderboard.csv")


def by_id(execution):
    runs = offline_runs(execution.artifacts)
    assert len({run.id for run in runs}) == len(runs)
    return {run.id: run for run in runs}


def replayed(curves):
    """The last rung of each combination, by position, out of the whole curves: (epochs, 4) each, without a penalty."""
    going, last, until = list(range(len(curves))), [0] * len(curves), HALVED["first_rung"]
    for rung in itertools.count():
        for at in going:
            last[at] = rung
        if len(going) == 1 or until >= GRID["max_epochs"]:
            return last
        stood = {at: min(curves[at][:until], key=lambda epoch: epoch[2]) for at in going}  # at its lowest loss
        best = sorted(going, key=lambda at: (-stood[at][3], stood[at][2], at))
        going, until = sorted(best[: math.ceil(len(going) / 2)]), until * 2


def test_the_survivors_are_those_of_a_replay_and_their_epochs_the_full_grids_to_the_bit(full, halved, execution, found):
    sweep(full.model_copy(update={"alphas": (0.0,)}), execution)
    whole = found[-1].trained
    other = execution.model_copy(update={"artifacts": execution.artifacts.with_name("other")})
    other = Execution.model_validate(other.model_dump())
    summary = sweep(halved.model_copy(update={"alphas": (0.0,)}), other)
    curves = [open_array(execution.storage, run.history) for run in whole]
    assert found[-1].rungs == replayed(curves)
    assert summary.pruned == sum(rung < max(found[-1].rungs) for rung in found[-1].rungs) > 0
    for complete, part in zip(whole, found[-1].trained, strict=True):
        assert complete.combination == part.combination
        history = open_array(other.storage, part.history)
        np.testing.assert_array_equal(history, open_array(execution.storage, complete.history)[: len(history)])
    (winner,) = [
        part for part, rung in zip(found[-1].trained, found[-1].rungs, strict=True) if rung == max(found[-1].rungs)
    ]
    (same,) = [run for run in whole if run.combination == winner.combination]
    assert (winner.W, winner.b, winner.best_epoch) == (same.W, same.b, same.best_epoch)
    assert summary.epochs_trained < sum(run.epochs_trained for run in whole)


def test_averages_velocities_and_rates_go_on_over_the_rungs_as_if_there_were_none(full, execution, found):
    about = {"learning_rates": (0.1, 0.02), "batch_sizes": (64,), "alphas": (0.0,), "momentum": (0.9,)}
    moving = full.model_copy(update={**about, "average": True, "nesterov": True, "decay": ("inverse_sqrt", "cosine")})
    sweep(moving, execution)
    other = Execution.model_validate(execution.model_dump() | {"artifacts": execution.artifacts.with_name("other")})
    summary = sweep(moving.model_copy(update=HALVED), other)
    assert summary.pruned == 3
    for complete, part in zip(found[0].trained, found[1].trained, strict=True):
        history = open_array(other.storage, part.history)
        np.testing.assert_array_equal(history, open_array(execution.storage, complete.history)[: len(history)])
        if part.combination == summary.best:
            assert (part.W, part.b, part.best_epoch) == (complete.W, complete.b, complete.best_epoch)


def test_ranked_are_those_that_came_furthest_and_the_leaderboard_says_who_was_pruned(halved, execution, found):
    summary = sweep(halved, execution)
    table = leaderboard(execution)
    assert table["rung"].is_monotonic_decreasing
    assert table["pruned"].sum() == summary.pruned == summary.combinations - 1
    for _, rung in table.groupby("rung"):
        assert rung["val_accuracy"].is_monotonic_decreasing
    assert summary.importance == {}
    assert "Halving pruned" in summary.analysis[0]


def test_a_full_grid_goes_on_from_where_halving_left_every_combination(full, halved, execution, caplog):
    sweep(halved, execution)
    caplog.clear()
    sweep(full, execution)
    resumed = [record for record in caplog.records if record.msg == "Resumes from epoch %d"]
    assert len(resumed) == 16 - 1  # all but the one that halving had trained to its end


def test_halving_after_a_full_grid_leaves_its_runs_in_w_and_b_as_they_are(full, halved, execution):
    sweep(full, execution)
    runs = by_id(execution)
    again = sweep(halved, execution)
    assert again.pruned
    assert {name: by_id(execution)[name] for name in runs} == runs


def test_each_combination_is_one_run_in_w_and_b_with_each_epoch_once(halved, execution, found):
    sweep(halved, execution)
    for run in found[-1].trained:
        rows = by_id(execution)[run.identity].rows
        assert [row["epoch"] for row in rows] == list(range(1, run.epochs_trained + 1))


def test_the_same_again_is_all_cached_and_a_gentler_halving_trains_no_epoch_twice(halved, execution, caplog):
    first = sweep(halved, execution)
    again = sweep(halved, execution)
    assert again.cached == again.combinations
    same = {"exclude": {"cached", "seconds", "provenance"}}
    assert again.model_dump(**same) == first.model_dump(**same)
    caplog.clear()
    sweep(halved.model_copy(update={"first_rung": 4}), execution)
    assert any(record.msg == "Resumes from epoch %d" for record in caplog.records)


@pytest.mark.parametrize(
    ("combinations", "about", "rungs"),
    [
        (36, {"halving": 3}, [3, 9, 27, 81, None]),
        (36, {"halving": 2, "first_rung": 10}, [10, 20, 40, 80, 160, 320, None]),
        (36, {"halving": 3, "max_epochs": 20}, [3, 9, None]),
        (1, {"halving": 3}, [None]),
        (36, {}, [None]),
    ],
)
def test_rungs_are_those_of_the_paper(combinations, about, rungs):
    alphas = (0.0, 0.001, 0.01) if combinations > 1 else (0.0,)
    grid = {} if combinations > 1 else {"learning_rates": (0.1,), "batch_sizes": (8,)}
    experiment = Experiment.model_validate({"alphas": alphas, **grid, **about})
    assert len(experiment.combinations) == combinations
    assert [until.epochs for until in experiment.rungs] == rungs
