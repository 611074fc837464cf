"""Stopping one flow run stops that one, says so, and fails nothing."""

import threading

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import CancelledRun, Pause
from prefect.states import Cancelling, Suspended

from execution.steps import run as training
from flows.sweep import sweep
from tests.flows import task_runs
from tests.patience import PATIENCE, until


@pytest.fixture
def held(monkeypatch):
    """Trainings wait after their second epoch as long as this is not set, those of the named sweeps."""
    release, waiting = threading.Event(), []
    log_epochs = training.log_epochs

    def wait(tracker, rows):
        log_epochs(tracker, rows)
        if tracker.run.group in ("stopped", "suspended") and len(rows) and rows[-1].epoch == 2:
            waiting.append(tracker.run.id)
            assert release.wait(PATIENCE)

    monkeypatch.setattr(training, "log_epochs", wait)
    return release, waiting


def newest_of(client, sweep):
    """The newest flow run of this sweep."""
    every = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=20)  # also nested ones, and of other tests
    return next(flow_run for flow_run in every if flow_run.name.startswith(f"{sweep} "))


def test_of_two_flow_runs_in_one_process_only_the_cancelled_one_stops(experiment, execution, held):
    release, waiting = held
    outcomes = {}

    def run(name, **changes):
        try:
            about = {"name": name, "checkpoint_seconds": 0}
            outcomes[name] = sweep(experiment.model_copy(update=changes), execution.model_copy(update=about))
        except CancelledRun as cancelled:
            outcomes[name] = str(cancelled)

    # W&B lets no two runs of one name live in one process, hence one artifact root, whose locks have steps that both
    # have follow each other, and for the trainings other patience, which decides nothing here.
    threads = [
        threading.Thread(target=run, args=["stopped"]),
        threading.Thread(target=run, args=["other"], kwargs={"patience": 9}),
    ]
    for thread in threads:
        thread.start()
    until(lambda: len(waiting) == 2)
    with get_client(sync_client=True) as client:
        flow_run = newest_of(client, "stopped")
        client.set_flow_run_state(flow_run.id, Cancelling(), force=True)
        mark = execution.artifacts / "runs" / str(flow_run.id) / "stop"
        until(mark.exists)
        release.set()
        for thread in threads:
            thread.join(PATIENCE)
        assert outcomes["other"].combinations == 8
        assert "0 of 8 trainings are done" in outcomes["stopped"]
        assert "Run it again" in outcomes["stopped"]
        state = client.read_flow_run(flow_run.id).state
        assert state.is_cancelled()

        def ended():
            return [state.type.value for state in task_runs.states(flow_run.id, "train ")]

        until(lambda: set(ended()) == {"CANCELLED"})
    assert not mark.parent.exists()
    kept = {path.stem for path in (execution.artifacts / "checkpoints").glob("*.ckpt")}
    other = outcomes["other"]
    assert len(kept - {run for step in other.runs.values() for run in step}) == 2

    again = sweep(experiment, execution)
    assert again.cached == 0  # what was cut short is no result
    assert again.test_loss == outcomes["other"].test_loss


def test_a_suspended_flow_run_keeps_its_checkpoints_and_stays_suspended(experiment, execution, held):
    """As the UI's button does it; Resume has a worker run it again, which continues."""
    release, waiting = held
    outcomes = []

    def run():
        try:
            sweep(experiment, execution.model_copy(update={"name": "suspended", "checkpoint_seconds": 0}))
        except Pause as paused:
            outcomes.append(paused)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: len(waiting) == execution.workers)
    with get_client(sync_client=True) as client:
        flow_run = newest_of(client, "suspended")
        client.set_flow_run_state(flow_run.id, Suspended(timeout_seconds=300), force=True)
        until((execution.artifacts / "runs" / str(flow_run.id) / "stop").exists)
        release.set()
        thread.join(PATIENCE)
        assert outcomes
        assert client.read_flow_run(flow_run.id).state.name == "Suspended"
    assert {path.stem for path in (execution.artifacts / "checkpoints").glob("*.ckpt")} == set(waiting)
