"""Order among the flow runs of a real server."""

from contextlib import nullcontext
from datetime import timedelta

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelled, Crashed, Running

from execution.outputs.retention import lock_of
from execution.storage.local import LocalStorage
from execution.storage.protocol import held
from flows.ui import events
from tests.conftest import begun
from tests.flows.task_runs import of


@pytest.fixture(scope="module", autouse=True)
def server_apart(prefect_server, tmp_path_factory):
    """A server of its own: on that of all tests what others have Running would be ended, too."""
    server = begun(tmp_path_factory.mktemp("prefect"))
    server.wait()
    with temporary_settings({PREFECT_API_URL: f"{server.address}/api"}):
        yield
    server.stop()


@flow(name="killed")
def killed() -> None:
    """A flow run that stands for one whose process died."""


@task
def step() -> None:
    """A step of it."""


@pytest.mark.parametrize("settled", [True, False])
def test_what_killed_runs_left_running_is_ended_once_the_server_knows_all_ends(settled, monkeypatch, tmp_path):
    """Also within nested flow runs. The end of a task run may arrive some seconds after its flow run's."""
    if settled:
        monkeypatch.setattr(events, "UNTIL_SETTLED", timedelta(0))
    with get_client(sync_client=True) as client:
        outer = client.create_flow_run(killed, state=Running())
        node = client.create_task_run(step, outer.id, dynamic_key="0", state=Running())
        nested = client.create_flow_run(killed, state=Running(), parent_task_run_id=node.id)
        inner = client.create_task_run(step, nested.id, dynamic_key="0", state=Running())
        client.set_flow_run_state(outer.id, Crashed(), force=True)
        events.end_killed(client, LocalStorage(root=tmp_path))
        expected = StateType.CRASHED if settled else StateType.RUNNING
        assert client.read_flow_run(nested.id).state.type == expected
        assert {run.id: run.state.type for run in of(outer.id, nested.id)} == {node.id: expected, inner.id: expected}


@pytest.mark.parametrize("lock", ["free", "held", "none"])
def test_a_flow_run_is_killed_if_nobody_holds_its_lock(lock, tmp_path):
    storage = LocalStorage(root=tmp_path)
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(killed, state=Running())
        task_run = client.create_task_run(step, run.id, dynamic_key="0", state=Running())
        one = storage.lock(lock_of(str(run.id)))
        if lock != "none":  # a lock file stays when it is released
            with held(one):
                pass
        with held(one) if lock == "held" else nullcontext():
            events.end_killed(client, storage)
        expected = StateType.CRASHED if lock == "free" else StateType.RUNNING
        assert client.read_flow_run(run.id).state.type == expected
        assert [(one.id, one.state.type) for one in of(run.id)] == [(task_run.id, expected)]


def test_a_skipped_run_names_the_run_that_had_the_place_when_it_came():
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(killed), "nightly")

        def run(state):
            begun = client.create_flow_run_from_deployment(deployment)
            client.set_flow_run_state(begun.id, state, force=True)
            return client.read_flow_run(begun.id)

        first = run(Cancelled(message=events.LIMIT))
        died = run(Running())
        second = run(Cancelled(message=events.LIMIT))
        client.set_flow_run_state(died.id, Crashed(), force=True)
        third = run(Cancelled(message=events.LIMIT))
        last = run(Running())
        fourth = run(Cancelled(message=events.LIMIT))
        events.name_skipped(client, last)
        for skipped, by in ((first, "Another run"), (second, died.name), (third, died.name), (fourth, last.name)):
            now = client.read_flow_run(skipped.id)
            assert now.name == f"skipped, custom {events.moment(now.expected_start_time)}"
            assert now.state.name == "Skipped"
            assert now.state.message.startswith(f"{by} ")
