"""Where the tasks of a flow run run, and where they keep their results."""

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
    """Go on when nobody reads this process's output any more: a worker that started it may be killed.

    Prefect's console log goes through Rich, which would end the program; the log still goes to Prefect's server.
    """
    console.quiet = True


Console.on_broken_pipe = go_quiet  # type: ignore[assignment]


@contextmanager
def steps_run(execution: RunContext, module: str) -> Iterator[None]:
    """Inside a flow run: its mapped tasks run side by side and all keep their results in the sweep's storage.

    A flow's own runner and storage are fixed where it is declared; here they are parameters of the run.

    Parameters
    ----------
    module : what other processes import before their first task, and the steps with it
    """
    compiled.place(execution.storage)  # workers that are processes inherit it
    flow_run = FlowRunContext.get()
    assert flow_run is not None
    store = flow_run.result_store.model_copy(
        update={
            "result_storage": RecordStorage(storage=execution.storage),
            "lock_manager": KeyLocks(execution),
        }
    )
    runner = runner_of(execution, module)
    # One BLAS thread each: workers run side by side, and the order of a sum must not depend on the machine.
    context = flow_run.model_copy(update={"task_runner": runner, "result_store": store})
    with threadpool_limits(1, "blas"), runner, context:
        yield


def runner_of(execution: RunContext, module: str) -> TaskRunner[Any]:
    """Return Prefect's task runner of that name."""
    if execution.runner == "processes":
        return ProcessRunner(execution.workers, module)
    if execution.runner == "dask":
        from execution.runners.dask import DaskRunner  # an extra, and it takes a second

        return DaskRunner(execution, module)
    return ThreadPoolTaskRunner(max_workers=execution.workers)


def ended(future: PrefectFuture[Any]) -> State[Any] | None:
    """Wait for a task run; return the state that it ended in, None if the process that ran it died.

    Raises
    ------
    SchedulerGone
    """
    try:
        future.wait()
    except BrokenExecutor:
        with suppress(HTTPError), get_client(sync_client=True) as client:  # nobody else would say so, in the UI
            client.set_task_run_state(future.task_run_id, Crashed(message="The process that ran it died."), force=True)
        return None
    return future.state


def renew() -> None:
    """Inside `steps_run`: have processes again after some have died. Dask sees to it by itself."""
    context = FlowRunContext.get()
    if context and isinstance(context.task_runner, ProcessRunner):
        context.task_runner.renew()
