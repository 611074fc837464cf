"""Who is told of what, by the automations of `automations.yaml` on a real server, with shorter times.

What workers and flow runs would tell the server, the test tells it.
"""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import requests
import yaml

from tests.conftest import PROJECT
from tests.flows.prefect_api import Api
from tests.loopback import Webhooks
from tests.patience import PATIENCE, until
from tests.program import fork

pytestmark = [pytest.mark.slow]

WITHIN = 10  # seconds, Prefect's least, for ten minutes and 25 hours
QUICK = {
    "PREFECT_UI_URL": "http://prefect.example",
    "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT1S",
    "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "1",
}


@pytest.fixture(scope="module")
def api(tmp_path_factory, forking):
    api = Api(tmp_path_factory.mktemp("prefect"), **QUICK)
    api.start()
    yield api
    api.stop()


@pytest.fixture(scope="module")
def nightly(api):
    """The id of the deployment."""
    api.post("/work_pools/", name="sweeps", type="process")
    flow = api.post("/flows/", name="sweep")["id"]
    return api.post("/deployments/", name="nightly", flow_id=flow, work_pool_name="sweeps")["id"]


@pytest.fixture
def told():
    with Webhooks() as told:
        yield told


def automate(api, told, tmp_path, *names, within=WITHIN):
    """Create these automations as `make automations` does, with shorter times."""
    about = yaml.safe_load((PROJECT / "automations.yaml").read_text())["automations"]
    some = [one for one in about if one["name"] in names]
    for one in some:
        if one["trigger"]["posture"] == "Proactive":
            one["trigger"]["within"] = within
    file = tmp_path / "automations.yaml"
    file.write_text(yaml.safe_dump({"automations": some}))
    ended = fork("flows.commands.automations", [file, told.url], tmp_path / "log", api.environment).wait()
    assert ended.code == 0, ended.output


def test_automations_created_again_go_on_waiting_unless_they_changed(api, told, tmp_path):
    about = yaml.safe_load((PROJECT / "automations.yaml").read_text())["automations"]
    names = [one["name"] for one in about]

    def ids():
        return {one["name"]: one["id"] for one in api.post("/automations/filter")}

    automate(api, told, tmp_path, *names)
    created = ids()
    assert created.keys() == set(names)
    automate(api, told, tmp_path, *names)
    assert ids() == created
    automate(api, told, tmp_path, *names, within=WITHIN + 1)
    waiting = {one["name"] for one in about if one["trigger"]["posture"] == "Proactive"}
    assert {name for name, there in ids().items() if there != created[name]} == waiting
    for there in ids().values():
        address = f"{api.url}/automations/{there}"
        until(lambda address=address: requests.delete(address, timeout=PATIENCE).status_code != 503)  # SQLite is busy


def begin(api, deployment):
    due = {"type": "SCHEDULED", "state_details": {"scheduled_time": datetime.now(UTC).isoformat()}}
    return api.post(f"/deployments/{deployment}/create_flow_run", name="night", state=due)["id"]


def end(api, run, *states):
    for state in states:
        api.post(f"/flow_runs/{run}/set_state", state=state, force=True)


def buckets(api):
    """The times during which sweep-none waits for an end of a run."""
    such = """SELECT start, "end" FROM automation_bucket JOIN automation ON automation.id = automation_id
              WHERE name = 'sweep-none'"""
    with closing(sqlite3.connect(api.home / "prefect.db")) as database:
        rows = database.execute(such).fetchall()
    return [[datetime.fromisoformat(time).replace(tzinfo=UTC) for time in row] for row in rows]


def texts(told):
    return [json.loads(message)["text"] for message in told.messages]


def test_each_trouble_is_told_once_in_one_line(api, nightly, told, tmp_path):
    names = "sweep-stuck", "sweep-trouble", "sweep-late", "sweep-pool", "sweep-news", "sweep-waiting"
    automate(api, told, tmp_path, *names)
    api.post("/work_pools/sweeps/workers/heartbeat", name="worker", heartbeat_interval_seconds=1)
    until(lambda: len(told.messages) == 1)  # a worker has come and gone
    late = begin(api, nightly)
    until(lambda: len(told.messages) == 2)
    end(api, late, {"type": "PENDING", "name": "Submitting"})  # a worker has taken it, and died
    until(lambda: len(told.messages) == 3)
    failed = begin(api, nightly)
    end(api, failed, {"type": "RUNNING"}, {"type": "FAILED", "name": "All diverged", "message": "All 36 did."})
    about = {"prefect.resource.id": "softmax-sweep.sweep.iris", "prefect.resource.name": "iris"}
    such = {"id": str(uuid4()), "occurred": datetime.now(UTC).isoformat(), "event": "softmax-sweep.all-diverged"}
    api.post("/events", {**such, "resource": about, "payload": {"message": "All 36 did."}})
    until(lambda: len(told.messages) == 4)
    refused = begin(api, nightly)
    end(api, refused, {"type": "FAILED", "message": "Invalid parameters:\n - learning_rates.0: too large\n"})
    until(lambda: len(told.messages) == 5)
    waiting = begin(api, nightly)
    end(api, waiting, {"type": "RUNNING"}, {"type": "PAUSED", "name": "Suspended"})
    until(lambda: len(told.messages) == 6)
    run = f"http://prefect.example/runs/flow-run/{late}"
    assert texts(told) == [
        "The pool sweeps has no worker: nights will be late. Start one with make worker.",
        f"night of nightly is late: no worker has taken it {run}",
        "night is Crashed: Its worker took it ten minutes ago and did not start it: the worker has died, or the "
        f"machine is overloaded. Run it again. {run}",
        "iris: All 36 did.",
        "night is Failed: Invalid parameters: - learning_rates.0: too large "
        f"http://prefect.example/runs/flow-run/{refused}",
        "night is suspended and waits for a person: Resume on its page continues it "
        f"http://prefect.example/runs/flow-run/{waiting}",
    ]


def test_a_night_that_did_not_come_is_told_once_so_long_after_the_last_end(api, nightly, told, tmp_path):
    automate(api, told, tmp_path, "sweep-none")
    for state in ("Nothing new", "News"):
        end(api, last := begin(api, nightly), {"type": "RUNNING"}, {"type": "COMPLETED", "name": state})
    ended = datetime.fromisoformat(api.post("/flow_runs/filter", flow_runs={"id": {"any_": [last]}})[0]["end_time"])
    until(lambda: [start for start, _ in buckets(api) if abs(start - ended) < timedelta(milliseconds=1)])
    ((start, over),) = buckets(api)
    assert over - start == timedelta(seconds=WITHIN)
    until(lambda: told.messages)
    until(lambda: not buckets(api))  # so that it is not told again until another run has ended
    assert len(told.messages) == 1
    assert texts(told)[0].startswith("No run of nightly has ended in 25 hours")
