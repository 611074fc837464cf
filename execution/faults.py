"""Named points in the code at which a test can kill the program, make it fail or make it wait.

`SWEEP_KILL_AT="train epoch:7"` kills it the seventh time that the step `train` passes the point "epoch"; outside a
step the point's name stands alone. `SWEEP_FAIL_AT` raises an exception there. `SWEEP_WAIT_AT` makes this pass and all
later ones wait while the file named by `SWEEP_WAIT_FILE` exists. Without these variables a point does nothing.
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
    """Mark the point `name`, which the program passes now."""
    kill, fail, wait = (os.environ.get(f"SWEEP_{what}_AT") for what in ("KILL", "FAIL", "WAIT"))
    if not (kill or fail or wait):
        return
    from prefect.context import TaskRunContext  # for the step's name; slow to import

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
