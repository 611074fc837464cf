"""Set-up of a process that trains, before its first task. The flow's own process does not need it."""

import importlib
import multiprocessing.util
import os
import pickle
import signal
import threading
from typing import Any

from execution.config import RunContext

SECONDS_TO_SEND = 5


def begin_process(module: str = "") -> None:
    """Set up a process that the flow's process has started on this machine, which ends with that process."""
    # The flow's process asks trainings to stop.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    multiprocessing.util.Finalize(None, send_events, exitpriority=1)  # `atexit` serves main processes only
    if module:
        importlib.import_module(module)
    one_blas_thread()


def run_task(shared: bytes, call: bytes) -> Any:
    """Run a task as Prefect's engine does, by arguments that all its runs `shared` and others; its final state."""
    from prefect.task_engine import run_task_sync

    environment, arguments = pickle.loads(shared)  # noqa: S301 - from the flow's process
    os.environ.update(environment)
    return run_task_sync(**arguments, **pickle.loads(call))  # noqa: S301


def send_events() -> None:
    """Send this process's waiting events and logs to Prefect's server."""
    from prefect.events.worker import EventsWorker

    EventsWorker.drain_all(timeout=SECONDS_TO_SEND)  # also drains every other service


def dask_setup(worker: object) -> None:
    """Set up a worker of a Dask cluster on this machine, which has this module as a preload."""
    begin_process()


def end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def one_blas_thread() -> None:
    """Limit BLAS to one thread: the order of a sum must not depend on the machine."""
    import numpy  # noqa: F401 - loads its BLAS
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, "blas")


def unreached(execution: RunContext, context: dict[str, Any]) -> str:
    """Why this worker cannot reach the sweep's storage or Prefect's server, and what to do; "" if it can."""
    from prefect.client.orchestration import get_client
    from prefect.context import hydrated_context
    from prefect.settings import PREFECT_API_URL

    try:
        seen = execution.state.arrived
    except Exception as error:
        return f"cannot use {execution.storage.where('')} ({error})"
    if not seen:
        where = execution.storage.where("")
        return f"does not see {where}: set --artifacts to a bucket, s3://…, or to a folder that all machines share"
    with hydrated_context(context), get_client(sync_client=True) as client:
        if problem := client.api_healthcheck():
            return (
                f"does not reach Prefect's server at {PREFECT_API_URL.value()} ({problem}): start one that it "
                "can reach (prefect server start --host …), and set PREFECT_API_URL to its address"
            )
    return ""


async def flush(dask_worker: Any) -> None:
    """Send this process's waiting events to Prefect's server, which may be about to end."""
    if dask_worker.state.executing_count:  # another sweep, so the server is not temporary
        return
    from prefect.events.worker import EventsWorker

    await EventsWorker.drain_all(timeout=SECONDS_TO_SEND)  # type: ignore[misc]  # also drains every other service
