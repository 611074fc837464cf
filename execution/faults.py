"""Named points in the code at which a test can have the program killed or fail.

`SWEEP_KILL_AT="epoch:7"` kills it the seventh time it passes the point "epoch"; `SWEEP_FAIL_AT` has an
exception raised there. Without either a point does nothing.
"""

import os
import signal
import threading
from collections import Counter

_passes: Counter[str] = Counter()
_counting = threading.Lock()


def point(name: str) -> None:
    """Say that the program passes the point `name`."""
    kill, fail = os.environ.get("SWEEP_KILL_AT"), os.environ.get("SWEEP_FAIL_AT")
    if not (kill or fail):
        return
    with _counting:
        _passes[name] += 1
        here = f"{name}:{_passes[name]}"
    if here == kill:
        os.kill(os.getpid(), signal.SIGKILL)
    if here == fail:
        raise RuntimeError(f"SWEEP_FAIL_AT={here}")
