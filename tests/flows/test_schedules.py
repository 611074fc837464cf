"""Nights, as `make deploy` and `make worker` have them: on a real server, by a real worker."""

import json
from pathlib import Path

import psutil
import pytest
import yaml

from flows.commands import automations
from tests.conftest import PROJECT
from tests.flows.prefect_api import Api
from tests.loopback import Webhooks
from tests.patience import PATIENCE, until
from tests.program import fork

pytestmark = [pytest.mark.slow, pytest.mark.hostile, pytest.mark.timeout(1500)]

GRID = {
    "decay": ["none"],
    "folds": 1,
    "learning_rates": [0.5, 0.1],
    "batch_sizes": [64],
    "alphas": [0.0],
    "max_epochs": 2,
}


@pytest.fixture(scope="module")
def told():
    with Webhooks() as told:
        yield told.messages, told.url


@pytest.fixture(scope="module")
def api(tmp_path_factory, forking):
    api = Api(tmp_path_factory.mktemp("prefect"), PWD=str(PROJECT))
    api.environment |= {"PREFECT_UI_URL": "http://prefect.example", "PREFECT_WORKER_QUERY_SECONDS": "2"}
    api.start()
    yield api
    api.stop()


@pytest.fixture(scope="module")
def nightly(api, tmp_path_factory, digits):
    """`prefect.yaml` as it stands, but every 20 seconds and on few data. Gives the deployment and its artifact root."""
    deployed = yaml.safe_load((PROJECT / "prefect.yaml").read_text())
    artifacts = tmp_path_factory.mktemp("nights") / "artifacts"
    night = deployed["deployments"][0]
    assert night["name"] == "nightly"
    assert night["schedules"][0]["cron"] == "0 2 * * *"
    night["schedules"] = [{"interval": 20}]
    night["parameters"] = {
        "experiment": {"data_dir": str(digits), **GRID},
        "execution": {"artifacts": str(artifacts), "wandb_mode": "disabled", "checkpoint_seconds": 0},
    }
    file = PROJECT / ".every-20-seconds.yaml"
    file.write_text(yaml.safe_dump(deployed))
    try:
        api.cli("work-pool", "create", "--type", "process", "--overwrite", "sweeps")
        api.cli("deploy", "--all", "--prefect-file", file)
    finally:
        file.unlink()
    (deployment,) = [one for one in api.post("/deployments/filter") if one["name"] == "nightly"]
    return deployment, artifacts


@pytest.fixture(scope="module")
def worker(api):
    """Start a worker as `make worker` does, whose runs wait as long as a file is there; give it, and the file.

    It and what it started are killed at the end, and when another is started.
    """
    held, started = api.home / "held", []

    def start():
        while started:
            kill(started.pop())
        about = {"SWEEP_WAIT_AT": "train checkpoints written:2", "SWEEP_WAIT_FILE": str(held)}
        command = ["worker", "start", "--pool", "sweeps"]
        started.append(fork("prefect", command, api.home / "worker.log", api.environment | about).process)

    yield start, held
    while started:
        kill(started.pop())


def kill(process):
    """With everything that it has started, and no last word."""
    for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
        child.kill()
    process.kill()
    process.wait(PATIENCE)


def of(api, deployment, *states):
    return [run for run in api.begun() if run["deployment_id"] == deployment["id"] and run["state_type"] in states]


def under_way(api, deployment):
    """Those that a worker has taken, begun or not."""
    such = {"deployment_id": {"any_": [deployment["id"]]}, "state": {"type": {"any_": ["PENDING", "RUNNING"]}}}
    return api.post("/flow_runs/filter", flow_runs=such)


def heartbeats(api, run):
    such = {"event": {"name": ["prefect.flow-run.heartbeat"]}, "resource": {"id": [f"prefect.flow-run.{run}"]}}
    return api.post("/events/filter", filter=such)["events"]


def test_nights_begin_by_themselves_and_do_not_overlap(api, nightly, worker):
    deployment, artifacts = nightly
    start, held = worker
    held.touch()
    start()
    until(lambda: of(api, deployment, "RUNNING"))
    until(lambda: of(api, deployment, "CANCELLED"))  # the night that found the first one still at work
    assert len(of(api, deployment, "RUNNING")) == 1
    held.unlink()
    until(lambda: len(of(api, deployment, "COMPLETED")) >= 2)
    second, first = of(api, deployment, "COMPLETED")[-2:]
    assert "0 trainings cached" in first["state"]["message"]
    assert "2 trainings cached" in second["state"]["message"]
    assert (artifacts / "sweeps" / "latest" / "summary.json").exists()
    schedule = deployment["schedules"][0]["id"]
    api.cli("deployment", "schedule", "pause", "sweep/nightly", schedule)
    until(lambda: not under_way(api, deployment))  # one that is killed with its worker would let no other begin


def test_a_killed_night_is_called_crashed_somebody_is_told_and_it_is_run_again(api, nightly, worker, told, tmp_path):
    deployment, artifacts = nightly
    start, held = worker
    messages, address = told
    watched = tmp_path / "automations.yaml"
    text = (PROJECT / "automations.yaml").read_text()
    assert "within: 90" in text
    watched.write_text(text.replace("within: 90", "within: 40"))

    def created():
        ended = fork("flows.commands.automations", [watched, address], tmp_path / "log", api.environment).wait()
        assert ended.code == 0, ended.output
        there = {one["name"]: one["enabled"] for one in api.post("/automations/filter")}
        assert there.keys() == {about["name"] for about in yaml.safe_load(text)["automations"]}
        return there

    assert not created()["sweep-again"]
    api.cli("automation", "resume", "sweep-again")
    assert created()["sweep-again"]  # in place of the first, switched as that was by then

    held.touch()
    start()
    longer = {**deployment["parameters"], "experiment": {**deployment["parameters"]["experiment"], "max_epochs": 4}}
    run = api.post(f"/deployments/{deployment['id']}/create_flow_run", parameters=longer)["id"]
    until(lambda: [one for one in of(api, deployment, "RUNNING") if one["id"] == run])
    until(lambda: list((artifacts / "checkpoints").glob("*.ckpt")))
    until(lambda: len(heartbeats(api, run)) >= 2)  # a living run is not taken for a dead one
    assert [one for one in of(api, deployment, "RUNNING") if one["id"] == run]
    start()  # another worker, once the first is killed with all that it has started
    held.unlink()
    until(lambda: any("is Crashed: No heartbeat" in message for message in messages))
    message = next(json.loads(message)["text"] for message in messages if "No heartbeat" in message)
    assert f"http://prefect.example/runs/flow-run/{run}" in message
    assert "run it again to continue" in message

    until(lambda: [one for one in of(api, deployment, "COMPLETED") if one["id"] == run])


def test_without_a_webhook_only_what_needs_none_is_created(monkeypatch):
    created = []

    class Client:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def request(self, method, path, json=None, **_):
            if path == "/automations/":
                created.append(json["name"])
            return self

        def json(self):
            return []

        def raise_for_status(self):
            pass

    monkeypatch.setattr(automations, "get_client", lambda **_: Client())
    assert automations.create(Path(PROJECT / "automations.yaml"), "") == created == [
        "sweep-gone", "sweep-stuck", "sweep-again",
    ]  # fmt: skip
