"""Trainings that share a Prefect task run: each is what it is alone, in the cache, in W&B, and when it fails."""

from collections import Counter

import pytest
from prefect.exceptions import CancelledRun

from execution import faults, prepare
from execution.config import Execution
from execution.steps import run as training
from experiment.errors import TrainingFailed
from flows.sweep import sweep
from tests.conftest import model_of
from tests.flows.conftest import execution_in
from tests.flows.task_runs import ended, of_nested, sources_of
from tests.offline import offline_runs

SAME = {"exclude": {"cached", "seconds", "provenance"}}


@pytest.fixture
def batches(execution):
    """Eight trainings in three task runs."""
    return batches_of(execution, 3)


def batches_of(execution, count, **about):
    return Execution.model_validate(execution.model_dump() | {"batch_per_task": count, **about})


def trained(artifacts):
    """Rows and display name of the W&B run of each training, by its id."""
    runs = [run for run in offline_runs(artifacts) if run.job_type == "train"]
    assert len({run.id for run in runs}) == len(runs)
    return {run.id: (run.display_name, run.exit_code, [row["val_loss"] for row in run.rows]) for run in runs}


@pytest.fixture(scope="module", params=["threads", "processes"])
def together(request, experiment, prefect_server, tmp_path_factory):
    """What a sweep in batches came to, and where."""
    execution = execution_in(tmp_path_factory.mktemp("together") / "artifacts")
    batches = batches_of(execution, 3, runner=request.param)
    return batches, sweep(experiment, batches, return_state=True)


def test_in_batches_everything_is_as_it_is_alone(swept, together):
    _, alone, summary = swept
    batches, state = together
    together = state.result()
    assert together.model_dump(**SAME) == summary.model_dump(**SAME)
    assert together.cached == 0
    assert all(model_of(batches)[name].tobytes() == array.tobytes() for name, array in model_of(alone).items())
    for folder in ("cache", "arrays"):
        names = [{path.name for path in (root / folder).iterdir()} for root in (alone.artifacts, batches.artifacts)]
        assert names[0] == names[1]
    assert trained(batches.artifacts) == trained(alone.artifacts)


def test_a_batch_is_one_task_run_that_is_called_after_its_first_and_its_last(together):
    _, state = together
    flow_run = state.state_details.flow_run_id
    runs = ended(flow_run, "train ", 3)
    assert {run.name for run in runs} == {
        "train lr=0.1 batch=64 alpha=0 seed=541 … train lr=0.5 batch=64 alpha=0.01 seed=541 (3)",
        "train lr=0.5 batch=64 alpha=0 seed=541 … train lr=0.1 batch=16 alpha=0.01 seed=541 (2)",
        "train lr=0.1 batch=16 alpha=0 seed=541 … train lr=0.5 batch=16 alpha=0.01 seed=541 (3)",
    }
    (check,), (selection,) = ended(flow_run, "check gradients"), ended(flow_run, "select")
    assert check.id in sources_of(of_nested(flow_run))
    assert {run.flow_run_id for run in runs} <= sources_of(selection)


def test_what_was_trained_alone_is_cached_for_a_batch_and_the_other_way_round(
    experiment, summary, execution, batches, caplog
):
    more = experiment.model_copy(update={"learning_rates": (0.5, 0.1, 0.02)})
    caplog.set_level("INFO", "sweep")
    assert sweep(more, batches).cached == 8
    said = [
        line
        for record in caplog.records
        if record.args and "\n" in str(record.args[0])
        for line in record.args[0].split("\n")
    ]
    assert len(said) == 12
    assert sum(": cached, W&B run " in line for line in said) == 8
    assert [line for line in said if line.startswith("train lr=0.02 batch=16 alpha=0.01 seed=541: done, W&B run ")]
    assert sweep(more, execution).cached == 12
    state = sweep(more, batches_of(execution, 1000), return_state=True)
    assert state.result().cached == 12
    # No core idles since one batch would have room for all.
    assert ended(state.state_details.flow_run_id, "train ", execution.workers)


def test_one_that_fails_is_named_and_leaves_the_others_of_its_batch(experiment, batches, monkeypatch, swept):
    monkeypatch.setattr(faults, "_passes", Counter())
    monkeypatch.setenv("SWEEP_FAIL_AT", "train epoch:12")
    with pytest.raises(TrainingFailed, match=r"^1 of 8 trainings failed.*\n  lr=.*: .*SWEEP_FAIL_AT=train epoch:12"):
        sweep(experiment, batches)
    monkeypatch.delenv("SWEEP_FAIL_AT")
    again = sweep(experiment, batches)
    assert again.cached == 7
    assert again.model_dump(**SAME) == swept[2].model_dump(**SAME)


def test_a_stop_leaves_the_rest_of_a_batch_for_another_time(experiment, batches, monkeypatch, swept):
    run_context, log_epochs, begun = prepare.run_context, training.log_epochs, []
    monkeypatch.setattr(prepare, "run_context", lambda *about: begun.append(run_context(*about)) or begun[-1])

    def stopping(tracker, rows):
        log_epochs(tracker, rows)
        if len(rows) and rows[-1].epoch == 8:
            begun[0].state.request_stop()

    monkeypatch.setattr(training, "log_epochs", stopping)
    with pytest.raises(CancelledRun, match="of 8 trainings are done"):
        sweep(experiment, batches)
    monkeypatch.undo()
    again = sweep(experiment, batches)
    assert 0 < again.cached < 8
    assert again.model_dump(**SAME) == swept[2].model_dump(**SAME)


def test_halving_goes_on_from_rung_to_rung_in_batches(experiment, execution, batches):
    halved = experiment.model_copy(update={"halving": 2, "first_rung": 2})
    alone = sweep(halved, execution)
    other = batches_of(batches, 3, artifacts=batches.artifacts.with_name("other"))
    assert sweep(halved, other).model_dump(**SAME) == alone.model_dump(**SAME)
    assert trained(other.artifacts) == trained(execution.artifacts)
