"""Named points in the code at which a test can have the program killed or fail.

`SWEEP_KILL_AT="train epoch:7"` kills it the seventh time that the step `train` passes the point "epoch"; outside any
step the name of the point stands alone. `SWEEP_FAIL_AT` has an exception raised there; `SWEEP_WAIT_AT` has whoever
comes there wait, from then on, as long as the file that `SWEEP_WAIT_FILE` names exists. Without any of them a point
does nothing.
"""

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

_passes: Counter[str] = Counter()
_counting = threading.Lock()


def point(name: str) -> None:
    """Say that the program passes the point `name`."""
    kill, fail, wait = (os.environ.get(f"SWEEP_{what}_AT") for what in ("KILL", "FAIL", "WAIT"))
    if not (kill or fail or wait):
        return
    from prefect.context import TaskRunContext  # the step's name; not imported for a test that sets nothing

    context = TaskRunContext.get()
    full = f"{context.task.name} {name}" if context else name
    with _counting:
        _passes[full] += 1
        passes = _passes[full]
    here = f"{full}:{passes}"
    if here == kill:
        os.kill(os.getpid(), signal.SIGKILL)
    if here == fail:
        raise RuntimeError(f"SWEEP_FAIL_AT={here}")
    if wait and full == wait.partition(":")[0] and passes >= int(wait.partition(":")[2]):
        while Path(os.environ["SWEEP_WAIT_FILE"]).exists():
            time.sleep(0.05)
