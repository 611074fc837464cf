"""The task runner of a flow run, and the storage of its results."""

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, suppress
from typing import Any

from httpx import HTTPError
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture
from prefect.states import Crashed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from rich.console import Console
from threadpoolctl import threadpool_limits

from execution.cache.locks import KeyLocks
from execution.cache.records import RecordStorage
from execution.config import RunContext
from execution.runners.processes import ProcessRunner
from execution.steps import compiled


def go_quiet(console: Console) -> None:
    """Continue when this process's output is closed, as when the worker that started it was killed.

    Rich, which prints Prefect's console log, would end the program. The log still goes to Prefect's server.
    """
    console.quiet = True


Console.on_broken_pipe = go_quiet  # type: ignore[assignment]


@contextmanager
def steps_run(execution: RunContext, module: str) -> Iterator[None]:
    """Inside a flow run: run its tasks on the chosen runner, and keep all results in the sweep's storage.

    Prefect fixes a flow's runner and storage at its declaration; here they are parameters of the run.

    Parameters
    ----------
    module : imported by other processes before their first task; it imports the steps
    """
    compiled.place(execution.storage)  # processes inherit the setting
    flow_run = FlowRunContext.get()
    assert flow_run is not None
    store = flow_run.result_store.model_copy(
        update={
            "result_storage": RecordStorage(storage=execution.storage),
            "lock_manager": KeyLocks(execution),
        }
    )
    runner = runner_of(execution, module)
    # One BLAS thread: trainings run in parallel, and the order of a sum must not depend on the machine.
    context = flow_run.model_copy(update={"task_runner": runner, "result_store": store})
    with threadpool_limits(1, "blas"), runner, context:
        yield


def runner_of(execution: RunContext, module: str) -> TaskRunner[Any]:
    """The task runner of this execution."""
    if execution.runner == "processes":
        return ProcessRunner(execution.workers, module)
    if execution.runner == "dask":
        from execution.runners.dask import DaskRunner  # an optional package, and slow to import

        return DaskRunner(execution, module)
    return ThreadPoolTaskRunner(max_workers=execution.workers)


def ended(future: PrefectFuture[Any]) -> State[Any] | None:
    """Wait for a task run; return its final state, None if its process died.

    Raises
    ------
    SchedulerGone
    """
    try:
        future.wait()
    except BrokenExecutor:
        with suppress(HTTPError), get_client(sync_client=True) as client:  # for the UI
            client.set_task_run_state(future.task_run_id, Crashed(message="The process that ran it died."), force=True)
        return None
    return future.state


def renew() -> None:
    """Inside `steps_run`: replace a process pool after a process died. Dask replaces its workers itself."""
    context = FlowRunContext.get()
    if context and isinstance(context.task_runner, ProcessRunner):
        context.task_runner.renew()
