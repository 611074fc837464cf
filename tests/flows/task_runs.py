"""What Prefect's server has of flow runs and of their task runs."""

from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterStartTime
from prefect.client.schemas.objects import FlowRun, FlowRunResult, State, TaskRun, TaskRunResult
from prefect.client.schemas.sorting import FlowRunSort

from tests.patience import until


def newest(artifacts: Path) -> FlowRun:
    """The flow run with these artifacts that began last; the server may have those of other tests besides."""
    begun = FlowRunFilter(
        start_time=FlowRunFilterStartTime(is_null_=False)
    )  # else scheduled ones come first, or nested
    with get_client(sync_client=True) as client:
        known = client.read_flow_runs(flow_run_filter=begun, sort=FlowRunSort.START_TIME_DESC, limit=200)
    return next(
        run
        for run in known
        if not run.parent_task_run_id and run.parameters.get("execution", {}).get("artifacts") == str(artifacts)
    )


def of(*flow_runs: UUID) -> list[TaskRun]:
    with get_client(sync_client=True) as client:
        return client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(flow_runs))))


def of_steps(flow_run: UUID) -> list[TaskRun]:
    """A sweep's own and those of the nested flow run, but for the one that stands for that."""
    with get_client(sync_client=True) as client:
        nested = client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id={"any_": [flow_run]}))
    return [run for run in of(flow_run, *(run.id for run in nested)) if run.name != "train-0"]


def of_nested(flow_run: UUID) -> TaskRun:
    """The one that stands for the nested flow run of the trainings."""
    (node,) = (run for run in of(flow_run) if run.name == "train-0")
    return node


def ended(flow_run: UUID, name: str = "", count: int = 1) -> list[TaskRun]:
    """Those whose names begin so, as soon as the server knows of so many, all of them completed.

    It hears of the ends of task runs in its own time, of the last ones after the flow run's.
    """
    found: list[TaskRun] = []

    def known() -> bool:
        found[:] = [run for run in of_steps(flow_run) if run.name.startswith(name)]
        return len(found) == count and all(run.state and run.state.is_completed() for run in found)

    until(known)
    return found


def states(flow_run: UUID, name: str) -> list[State]:
    """Of those whose names begin so; one that has just begun may have none yet."""
    return [run.state for run in of_steps(flow_run) if run.name.startswith(name) and run.state]


def sources_of(run: TaskRun) -> set[UUID]:
    """Those from which arrows lead to one, and nested flow runs."""
    every = [source for sources in run.task_inputs.values() for source in sources]
    return {source.id for source in every if isinstance(source, TaskRunResult | FlowRunResult)}
