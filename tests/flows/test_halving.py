"""Successive halving against a replay on the full grid's curves, and what the two share."""

import itertools
import math
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

import experiment.config
from execution.config import Execution
from execution.storage.arrays import open_array
from experiment.config import Experiment
from experiment.errors import InputError
from experiment.search.ranking import rank
from experiment.search.replay import replayed as replay
from experiment.summary import Summary
from flows import sweep as flow
from flows.commands import replay as command
from flows.search import Found
from flows.sweep import sweep
from tests.offline import offline_runs

GRID = {
    "decay": ("none",), "folds": 1,
    "learning_rates": (0.5, 0.1, 0.02, 0.004), "batch_sizes": (16, 64), "alphas": (0.0,), "max_epochs": 40,
    "patience": 4, "average": False,
}  # fmt: skip
HALVED = {"halving": 2, "first_rung": 2}


@pytest.fixture
def execution(tmp_path, prefect_server):
    return execution_in(tmp_path / "artifacts")


@pytest.fixture(scope="module")
def full(digits):
    return Experiment(data_dir=digits, **GRID)


@pytest.fixture(scope="module")
def halved(full):
    return full.model_copy(update=HALVED)


class Swept(NamedTuple):
    execution: Execution
    summary: Summary
    found: Found

    def copied(self, artifacts: Path) -> Execution:
        """What it left, to go on from in a root of one's own."""
        shutil.copytree(self.execution.artifacts, artifacts, symlinks=True)
        return execution_in(artifacts)


def execution_in(artifacts):
    return Execution(artifacts=artifacts, workers=2, wandb_mode="offline")


def swept(experiment, artifacts):
    execution = execution_in(artifacts)
    kept, search = [], flow.search
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow, "search", lambda *about: kept.append(search(*about)) or kept[-1])
        return Swept(execution, sweep(experiment, execution), *kept)


@pytest.fixture(scope="module")
def whole(full, prefect_server, tmp_path_factory):
    """The full grid; who only looks at it shares it."""
    return swept(full, tmp_path_factory.mktemp("whole") / "artifacts")


@pytest.fixture(scope="module")
def part(halved, prefect_server, tmp_path_factory):
    """The same grid, halved."""
    return swept(halved, tmp_path_factory.mktemp("part") / "artifacts")


def leaderboard(execution):
    return pd.read_csv(execution.artifacts / "sweeps" / "latest" / "leaderboard.csv")


def by_id(execution):
    runs = offline_runs(execution.artifacts)
    assert len({run.id for run in runs}) == len(runs)
    return {run.id: run for run in runs}


def replayed(curves):
    """The last rung of each combination, by position, out of the whole curves: (epochs, 5) each, without a penalty."""
    going, last, until = list(range(len(curves))), [0] * len(curves), HALVED["first_rung"]
    for rung in itertools.count():
        for at in going:
            last[at] = rung
        if len(going) == 1 or until >= GRID["max_epochs"]:
            return last
        stood = {at: min(curves[at][:until], key=lambda epoch: epoch[2]) for at in going}  # at its lowest loss
        best = sorted(going, key=lambda at: (-stood[at][3], stood[at][2], at))
        going, until = sorted(best[: math.ceil(len(going) / 2)]), until * 2


def test_survivors_are_those_of_a_replay_with_the_full_grids_epochs(whole, part):
    curves = [open_array(whole.execution.storage, run.history) for run in whole.found.trained]
    rungs = [candidate.rung for candidate in part.found.candidates]
    assert rungs == replayed(curves)
    assert part.summary.pruned == sum(rung < max(rungs) for rung in rungs) > 0
    for complete, cut, curve in zip(whole.found.trained, part.found.trained, curves, strict=True):
        assert complete.combination == cut.combination
        history = open_array(part.execution.storage, cut.history)
        np.testing.assert_array_equal(history, curve[: len(history)])
    (winner,) = [cut for cut, rung in zip(part.found.trained, rungs, strict=True) if rung == max(rungs)]
    (same,) = [run for run in whole.found.trained if run.combination == winner.combination]
    assert (winner.W, winner.b, winner.best_epoch) == (same.W, same.b, same.best_epoch)
    assert part.summary.epochs_trained < sum(run.epochs_trained for run in whole.found.trained)


def test_averages_velocities_and_rates_go_on_over_the_rungs(full, execution, found):
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


def test_those_that_came_furthest_rank_first_and_the_pruned_are_said(part):
    table = leaderboard(part.execution)
    assert table["rung"].is_monotonic_decreasing
    assert table["pruned"].sum() == part.summary.pruned == part.summary.combinations - 1
    for _, rung in table.groupby("rung"):
        assert rung["val_accuracy"].is_monotonic_decreasing
    assert part.summary.importance is None
    assert "Halving pruned" in part.summary.analysis[0]


def test_a_full_grid_goes_on_from_where_halving_left_every_combination(part, full, tmp_path, caplog):
    sweep(full, part.copied(tmp_path / "artifacts"))
    resumed = [record for record in caplog.records if record.msg == "Resumes from epoch %d"]
    assert len(resumed) == 8 - 1  # all but the one that halving had trained to its end


def test_halving_after_a_full_grid_leaves_its_runs_in_w_and_b_as_they_are(whole, halved, tmp_path):
    execution = whole.copied(tmp_path / "artifacts")
    runs = by_id(execution)
    again = sweep(halved, execution)
    assert again.pruned
    assert {name: by_id(execution)[name] for name in runs} == runs


def test_each_combination_is_one_run_in_w_and_b_with_each_epoch_once(part):
    for run in part.found.trained:
        rows = by_id(part.execution)[run.identity].rows
        assert [row["epoch"] for row in rows] == list(range(1, run.epochs_trained + 1))


def test_a_gentler_halving_trains_no_epoch_twice(part, halved, tmp_path, caplog):
    execution = part.copied(tmp_path / "artifacts")
    again = sweep(halved, execution)
    assert again.cached == again.combinations
    same = {"exclude": {"cached", "seconds", "provenance"}}
    assert again.model_dump(**same) == part.summary.model_dump(**same)
    caplog.clear()
    sweep(halved.model_copy(update={"first_rung": 4}), execution)
    assert any(record.msg == "Resumes from epoch %d" for record in caplog.records)


def outcomes(candidates):
    """All that a search found, best first, but for the arrays of paused trainings, which no curve has."""
    left_out = {"judged", "W", "b", "history", "identity", "task_run", "seconds"}
    return [
        (one.combination, one.rung, *(run.model_dump(exclude=left_out) for run in one.trained)) for one in candidates
    ]


def settled(swept):
    return Experiment.model_validate(swept.summary.provenance["experiment"])


def test_a_replay_finds_what_really_halving_finds_to_the_bit(whole, part):
    curves, gaps = command.recorded(whole.execution.storage, whole.summary)
    assert outcomes(replay(settled(part), curves)) == outcomes(
        sorted(part.found.candidates, key=lambda one: rank(one, "val_accuracy"))
    )
    assert gaps[whole.summary.best].difference == 0


def test_a_replay_of_halved_tpe_does_what_a_search_does(halved, tmp_path, monkeypatch):
    monkeypatch.setattr(experiment.config, "BATCH", 3)
    drawn = halved.model_copy(update={"trials": 7, "sampler": "tpe", "select_by": "val_loss", "alphas": (0.0, 0.01)})
    grid = drawn.model_copy(update={"halving": None, "trials": None, "sampler": None})
    every = swept(grid, tmp_path / "every")
    curves, _ = command.recorded(every.execution.storage, every.summary)
    really = swept(drawn, every.execution.artifacts)
    ranked = sorted(really.found.candidates, key=lambda one: rank(one, "val_loss"))
    assert outcomes(replay(settled(really), curves)) == outcomes(ranked)


def test_the_command_writes_table_and_picture_or_refuses(whole, part, tmp_path, capsys):
    root = str(whole.copied(tmp_path / "artifacts").artifacts)
    command.replay(halving=(2,), first_rung=(2, 3), artifacts=root)
    assert f"{part.summary.epochs_trained:,} (" in capsys.readouterr().out
    table = pd.read_csv(Path(root, "sweeps", "latest", "replay.csv"))
    assert table["epochs"].tolist()[:2] == [whole.summary.epochs_trained, part.summary.epochs_trained]
    assert Path(root, "sweeps", "latest", "replay.png").read_bytes().startswith(b"\x89PNG")
    for flags, why in {
        ("first_rung", 40): "no training of .* has more than 40",
        ("trials", 9): "more than the 8 combinations",
        ("name", "nothing"): "there is no finished sweep nothing",
    }.items():
        name, value = flags
        with pytest.raises(InputError, match=why):
            command.replay(**{"halving": (2,), name: value if name == "name" else (value,)}, artifacts=root)
    with pytest.raises(InputError, match="was itself halved"):
        command.replay(artifacts=str(part.execution.artifacts))


@pytest.mark.parametrize("given", [{"where": "alpha == 0"}, {"grids": [{"alpha": [0.0, 0.1]}]}])
def test_no_sampler_is_replayed_where_none_could_draw(given):
    summary = Summary.model_construct(name="night", left=0, combinations=12)
    experiment = Experiment(**given)
    assert all("halving" in search for search in command.usual(experiment, summary))
    command.check(summary, experiment, 3, False)
    with pytest.raises(InputError, match="night has listed combinations, or a condition, from which none are drawn"):
        command.check(summary, experiment, 3, True)
