"""The task runner of a flow run, and the storage of its results."""

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from httpx import HTTPError
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext, get_settings_context
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

# When this process's output is closed, as when the worker that started it was killed, Rich, which prints Prefect's
# console log, would end the program. The log still goes to Prefect's server.
Console.on_broken_pipe = lambda console: setattr(console, "quiet", True)  # type: ignore[method-assign,assignment]

_outer: ContextVar[FlowRunContext] = ContextVar("outer")


@contextmanager
def steps_run(execution: RunContext, module: str) -> Iterator[None]:
    """Inside a flow run: run its tasks on the chosen runner, and keep all results in the sweep's storage.

    Prefect fixes a flow's runner and storage at its declaration; here they are parameters of the run. `module`, which
    imports the steps, is imported by other processes before their first task.
    """
    compiled.place(execution.storage)  # processes inherit the setting
    flow_run = FlowRunContext.get()
    assert flow_run is not None
    kept = {"result_storage": RecordStorage(storage=execution.storage), "lock_manager": KeyLocks(execution)}
    store = flow_run.result_store.model_copy(update=kept)
    runner: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=execution.workers)
    if execution.runner == "processes":
        runner = ProcessRunner(execution.workers, module)
    elif execution.runner == "dask":
        from execution.runners.dask import DaskRunner  # an optional package, and slow to import

        runner = DaskRunner(execution, module)
    context = flow_run.model_copy(update={"task_runner": runner, "result_store": store})
    token = _outer.set(context)
    # A nested flow run needs no heartbeat of its own, for whose thread its end would wait.
    # Prefect's `temporary_settings` would read the files in the working directory again.
    prefect = get_settings_context()
    flows = prefect.settings.flows.model_copy(update={"heartbeat_frequency": None})
    quiet = prefect.model_copy(update={"settings": prefect.settings.model_copy(update={"flows": flows})})
    try:
        # One BLAS thread: trainings run in parallel, and the order of a sum must not depend on the machine.
        with threadpool_limits(1, "blas"), runner, context, quiet:
            yield
    finally:
        _outer.reset(token)


def outermost() -> FlowRunContext:
    """A context for what concerns the flow run as a whole, to enter in a nested one."""
    return _outer.get().model_copy()


@contextmanager
def same_runner() -> Iterator[None]:
    """Inside a flow run within `steps_run`: run its tasks on the same runner, with the same storage."""
    outer, nested = _outer.get(), FlowRunContext.get()
    assert nested is not None
    with nested.model_copy(update={"task_runner": outer.task_runner, "result_store": outer.result_store}):
        yield


def ended(future: PrefectFuture[Any]) -> State[Any] | None:
    """Wait for a task run; return its final state, None if its process died."""
    try:
        future.wait()
    except BrokenExecutor:
        with suppress(HTTPError), get_client(sync_client=True) as client:  # for the UI
            client.set_task_run_state(future.task_run_id, Crashed(message="The process that ran it died."), force=True)
        return None
    return future.state


def slots(execution: RunContext) -> int:
    """The number of trainings that can run at once: on a cluster it changes with its workers."""
    context = FlowRunContext.get()
    found: int = getattr(context and context.task_runner, "slots", execution.workers)
    return found


def renew() -> None:
    """Inside `steps_run`: replace a process pool after a process died. Dask replaces its workers itself."""
    context = FlowRunContext.get()
    if context and isinstance(context.task_runner, ProcessRunner):
        context.task_runner.renew()
