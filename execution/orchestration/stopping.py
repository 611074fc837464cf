"""Stopping soon, with nothing lost: asked for by a signal, a cancellation or a time limit, honoured within an epoch."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import get_client

from execution.config import RunContext

log = logging.getLogger("sweep")

SECONDS_BETWEEN_LOOKS = 2.0
IN_THE_UI = {"console": False}  # the command line has its own last words


@contextmanager
def stoppable(execution: RunContext) -> Iterator[None]:
    """Inside a flow run: stop when somebody cancels it, in the UI say; and when the block is left in a hurry.

    A time limit ends its trainings alone. Prefect itself cancels only what a worker of its started.
    """
    state, over = execution.state, threading.Event()

    def watch() -> None:
        with get_client(sync_client=True) as client:
            while not over.wait(SECONDS_BETWEEN_LOOKS):
                try:
                    known = client.read_flow_run(execution.flow_run).state  # type: ignore[arg-type]  # takes strings
                except Exception as error:  # the API may be away for a while; the sweep goes on without it
                    log.debug("Cannot read the flow run's state: %s", error)
                    continue
                if known and (known.is_cancelling() or known.is_cancelled()):
                    state.request_stop()
                    return

    state.forget()
    limit = threading.Timer(execution.time_limit.total_seconds(), state.end_time) if execution.time_limit else None
    if limit:
        limit.daemon = True
        limit.start()
    watching = threading.Thread(target=watch, name="cancellation", daemon=True)
    watching.start()
    try:
        yield
    except BaseException as error:
        state.request_stop()
        if not isinstance(error, Exception):  # a signal: nobody else would say what it means
            log.warning("Stopped. What is done is kept: run it again, and it goes on from there.", extra=IN_THE_UI)
        raise
    finally:
        over.set()
        if limit:
            limit.cancel()
            limit.join()  # what it was at is done before somebody forgets it
        watching.join(SECONDS_BETWEEN_LOOKS)  # before the interpreter takes apart what it uses
