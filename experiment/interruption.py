"""Stopping soon, with nothing lost: asked for by a signal or by a cancellation, honoured after each epoch."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

log = logging.getLogger("sweep")

SECONDS_BETWEEN_LOOKS = 2.0
_requested = threading.Event()


class Interrupted(Exception):
    """The sweep was asked to stop. What was done is cached or checkpointed."""


def request() -> None:
    """Ask every training of this process to save a checkpoint and stop."""
    _requested.set()


def requested() -> bool:
    return _requested.is_set()


@contextmanager
def cancellable() -> Iterator[None]:
    """Inside a flow run: stop when somebody cancels it, in the UI say; and when the block is left in a hurry.

    Prefect itself cancels only what a worker of its started.
    """
    flow_run = FlowRunContext.get()
    assert flow_run is not None
    assert flow_run.flow_run is not None
    flow_run_id, over = flow_run.flow_run.id, threading.Event()

    def watch() -> None:
        with get_client(sync_client=True) as client:
            while not over.wait(SECONDS_BETWEEN_LOOKS):
                try:
                    state = client.read_flow_run(flow_run_id).state
                except Exception as error:  # the API may be away for a while; the sweep goes on without it
                    log.debug("Cannot read the flow run's state: %s", error)
                    continue
                if state and (state.is_cancelling() or state.is_cancelled()):
                    request()
                    return

    _requested.clear()
    threading.Thread(target=watch, name="cancellation", daemon=True).start()
    try:
        yield
    except BaseException:
        request()
        raise
    finally:
        over.set()
