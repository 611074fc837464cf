"""Where the tasks of a flow run run, and where they keep their results."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.context import FlowRunContext
from prefect.task_runners import ThreadPoolTaskRunner
from rich.console import Console
from threadpoolctl import threadpool_limits

from execution import compiled
from execution.cache.locks import KeyLocks
from execution.cache.records import RecordStorage
from execution.config import Underway


def go_quiet(console: Console) -> None:
    """Go on when nobody reads this process's output any more: a worker that started it may be killed.

    Prefect's console log goes through Rich, which would end the program; the log still goes to Prefect's server.
    """
    console.quiet = True


Console.on_broken_pipe = go_quiet  # type: ignore[assignment]


@contextmanager
def steps_run(execution: Underway) -> Iterator[None]:
    """Inside a flow run: its tasks run side by side on threads and keep their results in the sweep's storage.

    A flow's own runner and storage are fixed where it is declared; here they are parameters of the run.
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
    runner: ThreadPoolTaskRunner[object] = ThreadPoolTaskRunner(max_workers=execution.workers)
    # One BLAS thread each: workers run side by side, and the order of a sum must not depend on the machine.
    context = flow_run.model_copy(update={"task_runner": runner, "result_store": store})
    with threadpool_limits(1, "blas"), runner, context:
        yield
