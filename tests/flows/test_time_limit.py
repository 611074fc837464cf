"""When the time is up what is finished is selected among, nothing fails, and the same command goes on."""

import math
import shlex
from datetime import timedelta

import pandas as pd
import pytest
from prefect.exceptions import CancelledRun

from execution import prepare
from execution.config import Execution
from execution.steps import run as training
from flows.__main__ import app
from flows.sweep import sweep
from flows.ui.settings import command
from tests.conftest import model_of
from tests.flows import task_runs
from tests.offline import offline_runs
from tests.patience import until

LEFT = "combinations were trained as far as intended"
SAME = {"exclude": {"cached", "seconds", "provenance"}}


@pytest.fixture
def alone(execution):
    """One worker, so that trainings follow each other, each kept after every epoch."""
    return Execution.model_validate(
        execution.model_dump() | {"workers": 1, "checkpoint_seconds": 0, "time_limit": timedelta(hours=9)}
    )


@pytest.fixture
def time_is_up(monkeypatch):
    """Let the time of the next sweep be up when so many trainings have come to an epoch."""

    def when(begun, epoch=2):
        run_context, log_epochs, state, seen = prepare.run_context, training.log_epochs, [], set()

        def remembered(*about):
            made = run_context(*about)
            state.append(made.state)
            return made

        def counted(tracker, rows):
            log_epochs(tracker, rows)
            seen.update([tracker] if len(rows) and rows[-1].epoch == epoch else [])
            if len(seen) == begun:
                state[0].end_time()

        monkeypatch.setattr(prepare, "run_context", remembered)
        monkeypatch.setattr(training, "log_epochs", counted)
        monkeypatch.setattr(training, "LOOKS_A_SECOND", math.inf)  # each epoch is followed by a look

    return when


def states_of_trainings(flow_run):
    return sorted(state.name for state in task_runs.states(flow_run, "train "))


def test_the_best_of_what_is_finished_is_selected_and_the_same_again_goes_on(
    experiment, alone, time_is_up, monkeypatch, caplog
):
    time_is_up(3)
    state = sweep(experiment, alone, return_state=True)
    summary = state.result()
    assert state.is_completed()
    assert "6 left, time was up" in state.message
    assert (summary.combinations, summary.left, summary.importance) == (2, 6, None)
    assert LEFT in " ".join(summary.analysis)
    table = pd.read_csv(alone.artifacts / "sweeps" / "latest" / "leaderboard.csv")
    assert list(table["epochs_trained"]) == [8, 8]
    assert summary.best.learning_rate == table["learning_rate"][0]
    flow_run, states = state.state_details.flow_run_id, ["Cancelled"] * 6 + ["Completed"] * 2
    until(lambda: states_of_trainings(flow_run) == states)  # the server records ends now and then
    assert "The time is up: 6 of 8 trainings are left" in caplog.text

    monkeypatch.undo()
    caplog.clear()
    whole = sweep(experiment, alone)
    assert (whole.combinations, whole.left, whole.cached) == (8, 0, 2)
    assert [record.args for record in caplog.records if record.msg == "Resumes from epoch %d"] == [(2,)]
    for run in offline_runs(alone.artifacts):
        if run.job_type == "train":
            assert [row["epoch"] for row in run.rows] == list(range(1, 9))
    other = Execution.model_validate(alone.model_dump() | {"artifacts": alone.artifacts.with_name("other")})
    assert sweep(experiment, other).model_dump(**SAME) == whole.model_dump(**SAME)
    assert all(model_of(other)[name].tobytes() == array.tobytes() for name, array in model_of(alone).items())


def test_a_rung_that_is_cut_ranks_before_those_that_were_pruned(experiment, alone, time_is_up, found):
    time_is_up(2, epoch=5)
    summary = sweep(experiment.model_copy(update={"halving": 2, "first_rung": 3}), alone)
    assert [candidate.rung for candidate in found[0].candidates].count(1) == 4
    assert [run.epochs_trained for run in found[0].trained].count(6) == 1
    assert (summary.combinations, summary.left, summary.pruned) == (8, 3, 4)
    assert [candidate.rung for candidate in found[0].candidates if candidate.combination == summary.best] == [1]
    assert LEFT in " ".join(summary.analysis)


def test_of_a_combination_that_not_all_seeds_are_done_of_nothing_is_selected(experiment, alone, time_is_up, found):
    time_is_up(4)
    summary = sweep(experiment.model_copy(update={"seeds": (1, 2)}), alone)
    assert (summary.combinations, summary.left) == (1, 7)
    assert len(found[0].trained) == 2


def test_with_nothing_finished_it_says_so_and_goes_on_later(experiment, alone, time_is_up, monkeypatch, caplog):
    time_is_up(1)
    with pytest.raises(CancelledRun, match=r"no combination was trained in the time limit of 9:00:00.*Run it again"):
        sweep(experiment, alone)
    monkeypatch.undo()
    assert sweep(experiment, alone).combinations == 8
    assert [record.args for record in caplog.records if record.msg == "Resumes from epoch %d"] == [(2,)]


@pytest.mark.slow
def test_a_process_whose_time_is_up_ends_with_1_and_says_how_to_go_on(begin):
    flags = [
        "--decay",
        "none",
        "--folds",
        1,
        "--learning-rates",
        1e-6,
        "--batch-sizes",
        1,
        "--alphas",
        0,
        "--engine",
        "numpy",
        "--patience",
        100_000,
    ]
    done = begin(*flags, "--max-epochs", 100_000, "--time-limit", "0.5s").wait()
    assert done.code == 1
    assert "no combination was trained in the time limit of 0:00:00.5" in done.stderr
    assert "Run it again: it goes on from there" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("typed", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("PT2H", 7200), ("1.5h", 5400), ("600", 600)]
)
def test_a_time_limit_is_typed_as_people_do_and_said_so_that_it_can_be_typed(experiment, typed, seconds):
    execution = Execution.model_validate({"time_limit": typed})
    assert execution.time_limit == timedelta(seconds=seconds)
    _, _, _, *arguments = shlex.split(command(experiment, execution))
    _, bound, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
    assert bound.arguments["execution"].time_limit == execution.time_limit
