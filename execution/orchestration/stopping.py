"""Graceful stop within an epoch, after a signal, a cancellation or a time limit."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import Pause

from execution import log
from execution.config import RunContext

SECONDS_BETWEEN_LOOKS = 2.0
IN_THE_UI = {"console": False}  # the command line prints its own message


@contextmanager
def stoppable(execution: RunContext) -> Iterator[None]:
    """Inside a flow run: stop its trainings when it is cancelled or suspended in the UI, or when the block raises.

    A time limit ends trainings only. Prefect itself cancels only runs that a Prefect worker started. Once the trainings
    of a suspended run have stopped, `Pause` makes Prefect end the process and leave the state as it is.
    """
    state, over = execution.state, threading.Event()
    ends: list[State[object]] = []  # by somebody else

    def watch() -> None:
        with get_client(sync_client=True) as client:
            while not over.wait(SECONDS_BETWEEN_LOOKS):
                try:
                    known = client.read_flow_run(execution.flow_run).state  # type: ignore[arg-type]  # takes strings
                except Exception as error:  # the API may be down for a while; the sweep continues without it
                    log.debug("Cannot read the flow run's state: %s", error)
                    continue
                if known and known.type in (StateType.CANCELLING, StateType.CANCELLED, StateType.PAUSED):
                    ends.append(known)
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
        if isinstance(error, Exception) and ends and ends[0].is_paused():
            raise Pause(state=ends[0]) from error
        state.request_stop()
        if not isinstance(error, Exception | Pause):  # a signal
            log.warning("Stopped. Finished work is kept: run it again to continue.", extra=IN_THE_UI)
        raise
    finally:
        over.set()
        if limit:
            limit.cancel()
            limit.join()  # its mark is written before the state is removed
        watching.join(SECONDS_BETWEEN_LOOKS)  # before the interpreter shuts down
