"""What Prefect's server knows of a flow run, hence what its UI shows."""

import json
from itertools import pairwise

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, LogFilter

from flows.sweep import sweep
from tests.flows import task_runs
from tests.flows.task_runs import newest
from tests.patience import until

# The docstring of `flows/sweep.py`, as arrows.
LINE = ["download", "split", "scale", "check_gradients", "train", "select", "retrain", "evaluate", "analyse", "report"]


@pytest.fixture
def summary(experiment, execution):
    """Of the newest flow run."""
    return sweep(experiment, execution)


@pytest.fixture
def client():
    with get_client(sync_client=True) as client:
        yield client


def logs(client, flow_run):
    return [(entry.task_run_id, entry.message) for entry in client.read_logs(of(LogFilter, flow_run), limit=200)]


def of(kind, flow_run):
    return kind(flow_run_id={"any_": [flow_run.id]})


def test_a_flow_run_is_named_by_its_sweep_and_time_and_ends_with_the_verdict(summary, execution):
    flow_run = newest(execution.artifacts)
    assert flow_run.name.startswith(f"{summary.name} 20")
    assert f"test accuracy {summary.test_accuracy:.2%}" in flow_run.state.message
    assert str(summary.best) in flow_run.state.message


def test_the_artifacts_show_progress_ranking_picture_and_verdict(summary, execution, client):
    shown = {
        artifact.type: artifact
        for artifact in client.read_artifacts(artifact_filter=of(ArtifactFilter, newest(execution.artifacts)))
    }
    assert shown["progress"].data == 100
    table = json.loads(shown["table"].data)
    assert len(table) == summary.combinations
    assert table[0]["learning rate"] == summary.best.learning_rate
    assert table[0]["validation accuracy"] == f"{summary.val_accuracy:.2%}"
    assert shown["image"].data.startswith("data:image/png;base64,")
    assert len(shown["image"].data) < 50_000
    assert shown["markdown"].description.startswith(f"{summary.test_accuracy:.2%} · {summary.best}")
    verdict = shown["markdown"].data
    low, high = summary.test_accuracy_95
    for needed in (
        summary.best.words, f"{summary.test_accuracy:.2%}", f"{low:.2%} to {high:.2%}", shown["image"].data,
        str(execution.artifacts / "sweeps" / summary.name), "-m flows --learning-rates 0.5 0.1", "wandb sync ",
    ):  # fmt: skip
        assert needed in verdict


def test_what_a_flow_run_returned_can_be_read_back(experiment, execution):
    state = sweep(experiment, execution, return_state=True)
    assert state.result() == json_summary(execution)
    assert newest(execution.artifacts).state.result() == json_summary(execution)  # from what Prefect's server knows


def json_summary(execution):
    from experiment.summary import Summary

    return Summary.model_validate_json((execution.artifacts / "sweeps" / "latest" / "summary.json").read_bytes())


def test_the_arrows_are_those_of_the_line_and_what_data_goes_besides(summary, execution):
    runs = task_runs.ended(newest(execution.artifacts).id, count=len(LINE) - 1 + summary.combinations)
    steps = {run.id: step for run in runs for step in LINE if run.name.replace(" ", "_").startswith(step)}
    arrows = {(steps[source], steps[run.id]) for run in runs for source in task_runs.sources_of(run)}
    assert not [(source, target) for source, target in arrows if LINE.index(source) >= LINE.index(target)]
    assert {(a, b) for a, b in arrows if LINE.index(b) == LINE.index(a) + 1} == set(pairwise(LINE))
    trained = [run for run in runs if steps[run.id] == "train"]
    assert all(any(steps[source.id] == "check_gradients" for source in run.task_inputs["wait_for"]) for run in trained)


def test_a_cached_task_run_names_its_wandb_run(summary, experiment, execution, client):
    again = sweep(experiment, execution)
    flow_run = newest(execution.artifacts)
    identities = {identity for step in again.runs.values() for identity in step}

    def named():
        lines = [(task, message) for task, message in logs(client, flow_run) if message.startswith("Cached: ")]
        return {message.rpartition(" ")[2] for task, message in lines if task} == identities and len(lines) == 17

    until(named)
