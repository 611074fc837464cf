"""What Prefect's server has of flow runs and of their task runs."""

from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterStartTime
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.client.schemas.sorting import FlowRunSort

from tests.patience import until


def newest(artifacts: Path) -> FlowRun:
    """The flow run with these artifacts that began last; the server may have those of other tests besides."""
    begun = FlowRunFilter(start_time=FlowRunFilterStartTime(is_null_=False))  # else scheduled ones come first
    with get_client(sync_client=True) as client:
        known = client.read_flow_runs(flow_run_filter=begun, sort=FlowRunSort.START_TIME_DESC, limit=200)
    return next(run for run in known if run.parameters["execution"]["artifacts"] == str(artifacts))


def of(flow_run: UUID) -> list[TaskRun]:
    with get_client(sync_client=True) as client:
        return client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run])))


def ended(flow_run: UUID, name: str = "", count: int = 1) -> list[TaskRun]:
    """Those whose names begin so, as soon as the server knows of so many, all of them completed.

    It hears of the ends of task runs in its own time, of the last ones after the flow run's.
    """
    found: list[TaskRun] = []

    def known() -> bool:
        found[:] = [run for run in of(flow_run) if run.name.startswith(name)]
        return len(found) == count and all(run.state and run.state.is_completed() for run in found)

    until(known)
    return found


def states(flow_run: UUID, name: str) -> list[State]:
    """Of those whose names begin so; one that has just begun may have none yet."""
    return [run.state for run in of(flow_run) if run.name.startswith(name) and run.state]


def sources_of(run: TaskRun) -> set[UUID]:
    """Those from which arrows lead to one."""
    return {source.id for sources in run.task_inputs.values() for source in sources if source.input_type == "task_run"}
