"""What a process that trains sets up before its first task. A process that is one with the flow has it all."""

import importlib
import multiprocessing
import os
import signal
import threading
from typing import Any

from execution.config import RunContext

SECONDS_TO_SEND = 5


def begin_process(module: str = "") -> None:
    """Set up a process of this machine that the flow's process has started.

    Signals are for the flow's process, which asks the trainings to stop; and when that is killed, this one ends.

    Parameters
    ----------
    module : imported now, and not in the first training; "": none
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    if module:
        importlib.import_module(module)
    one_blas_thread()


def dask_setup(worker: object) -> None:
    """Set up a worker of a Dask cluster of this machine, of which this is a preload."""
    begin_process()


def end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def one_blas_thread() -> None:
    """Trainings run side by side, and the order of a sum must not depend on the machine."""
    import numpy  # noqa: F401 - brings its BLAS
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, "blas")


def unreached(execution: RunContext, context: dict[str, Any]) -> str:
    """Return what this worker lacks to take part in a sweep, and what to do; "" if it lacks nothing."""
    from prefect.client.orchestration import get_client
    from prefect.context import hydrated_context
    from prefect.settings import PREFECT_API_URL

    try:
        seen = execution.state.arrived
    except Exception as error:
        return f"cannot use {execution.storage.where('')} ({error})"
    if not seen:
        return (
            f"does not see {execution.storage.where('')}: give --artifacts a bucket, s3://…, or a folder that all "
            "machines share"
        )
    with hydrated_context(context), get_client(sync_client=True) as client:
        if trouble := client.api_healthcheck():
            return (
                f"does not reach Prefect's server at {PREFECT_API_URL.value()} ({trouble}): start one that it reaches "
                "(prefect server start --host …), and name it in PREFECT_API_URL"
            )
    return ""


async def flush(dask_worker: Any) -> None:
    """Have sent what this process has to tell Prefect's server, which may be about to end."""
    if dask_worker.state.executing_count:  # another sweep, on the same server: that one lasts
        return
    from prefect.events.worker import EventsWorker

    await EventsWorker.drain_all(timeout=SECONDS_TO_SEND)  # type: ignore[misc]  # and of every other service
