"""What Prefect's server knows of a flow run, hence what its UI shows."""

import json
import re
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
    assert re.fullmatch(rf"{summary.name} 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d\d\d", flow_run.name)
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
    assert table[0]["W&B run"] == summary.runs["train"][0]
    assert "image" not in shown  # the picture is in the verdict: Prefect would keep it twice
    assert shown["markdown"].description == f"{summary.test_accuracy:.2%} · {summary.best} · completed"
    verdict = shown["markdown"].data
    (picture,) = re.findall(r"data:image/png;base64,[^)]*", verdict)
    assert len(picture) < 50_000
    low, high = summary.test_accuracy_95
    for needed in (
        summary.best.words, f"{summary.test_accuracy:.2%}", f"{low:.2%} to {high:.2%}",
        str(execution.artifacts / "sweeps" / summary.name), "-m flows --learning-rates 0.5 0.1", "-m flows sync --art",
    ):  # fmt: skip
        assert needed in verdict


def test_the_graph_is_the_dag_whose_trainings_are_one_node(summary, execution):
    flow_run = newest(execution.artifacts).id
    until(lambda: len(task_runs.of(flow_run)) == len(LINE))
    runs = task_runs.of(flow_run)
    steps = {run.id: step for run in runs for step in LINE if run.name.replace(" ", "_").startswith(step)}
    # Of the two nodes of the nested flow run, arrows lead to one and away from the other.
    arrows = {(steps.get(source, "train"), steps[run.id]) for run in runs for source in task_runs.sources_of(run)}
    assert not [(source, target) for source, target in arrows if LINE.index(source) >= LINE.index(target)]
    assert {(a, b) for a, b in arrows if LINE.index(b) == LINE.index(a) + 1} == set(pairwise(LINE))
    trained = [run for run in task_runs.of_steps(flow_run) if run.id not in steps]
    assert len(trained) == summary.combinations


def test_the_log_of_a_night_without_news_is_short_and_its_state_says_so(summary, experiment, execution, client):
    sweep(experiment, execution)
    flow_run = newest(execution.artifacts)
    assert flow_run.state.name == "Nothing new"

    def ended():
        return [message for _, message in logs(client, flow_run) if message.startswith("Finished in state Nothing new")]

    until(ended)
    lines = [message for _, message in logs(client, flow_run)]
    assert len(lines) < 8
    assert sum("8 cached" in line for line in lines) == 1
