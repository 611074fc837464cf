"""Events for automations, and the states of flow runs that Prefect skipped or that were killed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from httpx import HTTPError
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, TaskRunFilter
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events import emit_event
from prefect.states import Cancelled, Crashed

from execution import log
from execution.outputs.retention import was_killed
from execution.storage import AnyStorage

NEWS, DIVERGED = "softmax-sweep.news", "softmax-sweep.all-diverged"
LIMIT = "Deployment concurrency limit reached."  # Prefect's message of a skipped run
RUNNING = {"state": {"type": {"any_": ["RUNNING"]}}}
MOST = 200  # runs of a query
UNTIL_SETTLED = timedelta(minutes=2)  # the server hears of the ends of task runs after that of their flow run


def moment(when: datetime | None) -> str:
    """A time for a name, to the millisecond, since two runs may begin within a second."""
    return f"{when:%Y-%m-%d %H:%M:%S.%f}"[:-3] if when else "at an unknown time"


def emit(event: str, sweep: str, message: str) -> None:
    """Emit an event. Prefect adds the flow run and its deployment."""
    about = {"prefect.resource.id": f"softmax-sweep.sweep.{sweep}", "prefect.resource.name": sweep}
    emit_event(event, resource=about, payload={"message": message})


def tidy(flow_run: FlowRun, storage: AnyStorage) -> None:
    """At the end of a flow run, explain the runs that Prefect skipped, and end what killed ones left Running."""
    try:
        with get_client(sync_client=True) as client:
            if flow_run.deployment_id:
                name_skipped(client, flow_run)
            end_killed(client, storage)
    except HTTPError as error:
        log.warning("Skipped and killed runs keep their states: %s", error)


def name_skipped(client: SyncPrefectClient, flow_run: FlowRun) -> None:
    """Name the runs of the same deployment that Prefect skipped, and say in their states which run had the place."""
    of = {"deployment_id": {"any_": [flow_run.deployment_id]}, "state": {"type": {"not_any_": ["SCHEDULED"]}}}
    filtered = FlowRunFilter.model_validate(of)
    runs = client.read_flow_runs(flow_run_filter=filtered, limit=MOST, sort=FlowRunSort.START_TIME_DESC)
    ran = [run for run in runs if run.start_time and run.start_time != run.end_time]  # those that were not skipped
    for run in runs:
        if run.state and (run.state.name, run.state.message) == ("Cancelled", LIMIT):
            kind = "scheduled" if run.auto_scheduled else "custom"
            client.update_flow_run(run.id, name=f"skipped, {kind} {moment(run.expected_start_time)}")
            when = run.state.timestamp
            by = next((one.name for one in ran if one.start_time and one.start_time <= when), "Another run")
            # That one may have died: its place is free once this is noticed.
            message = f"{by} was running, as far as Prefect knew."
            why: State[object] = Cancelled(name="Skipped", message=message)
            client.set_flow_run_state(run.id, why, force=True)


def end_killed(client: SyncPrefectClient, storage: AnyStorage) -> None:
    """Set killed flow runs on this storage to Crashed, with all that is Running in them or in ones that have ended."""
    tops = {**RUNNING, "parent_task_run_id": {"is_null_": True}}
    for run in client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(tops), limit=MOST):
        if was_killed(storage, str(run.id)):
            end(client, run)
    ends = {"any_": ["CRASHED", "CANCELLED", "COMPLETED", "FAILED"]}
    end_running(client, {"state": {"type": ends}, "end_time": {"before_": datetime.now(UTC) - UNTIL_SETTLED}})


def end(client: SyncPrefectClient, run: FlowRun) -> None:
    """Set a flow run to Crashed, with all that is Running in it."""
    end_running(client, {"id": {"any_": [run.id]}})
    client.set_flow_run_state(run.id, killed(), force=True)


def end_running(client: SyncPrefectClient, of: dict[str, Any]) -> None:
    """Set the Running task runs of these flow runs to Crashed, and the nested flow runs that they stand for."""
    flows, tasks = FlowRunFilter.model_validate(of), TaskRunFilter.model_validate(RUNNING)
    for task in client.read_task_runs(flow_run_filter=flows, task_run_filter=tasks, limit=MOST):
        nested = FlowRunFilter.model_validate({**RUNNING, "parent_task_run_id": {"any_": [task.id]}})
        for run in client.read_flow_runs(flow_run_filter=nested):
            end(client, run)
        client.set_task_run_state(task.id, killed(), force=True)


def killed() -> State[object]:
    return Crashed(message="Its process was killed. Run the sweep again: it continues.")
