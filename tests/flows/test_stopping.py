"""Stopping one flow run stops that one, says so, and fails nothing."""

import threading

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import CancelledRun
from prefect.states import Cancelling

from execution.steps import training
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
        if tracker.run.group == "stopped" and len(rows) and rows[-1].epoch == 2:
            waiting.append(tracker.run.id)
            assert release.wait(PATIENCE)

    monkeypatch.setattr(training, "log_epochs", wait)
    return release, waiting


def test_of_two_flow_runs_in_one_process_the_cancelled_one_stops_and_the_other_goes_on(experiment, execution, held):
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
        every = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=2)
        (flow_run,) = [flow_run for flow_run in every if flow_run.name.startswith("stopped ")]
        client.set_flow_run_state(flow_run.id, Cancelling(), force=True)
        mark = execution.artifacts / "runs" / str(flow_run.id) / "stop"
        until(mark.exists)
        release.set()
        for thread in threads:
            thread.join(PATIENCE)
        assert outcomes["other"].combinations == 8
        assert "0 of 8 combinations are trained" in outcomes["stopped"]
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
