"""How long tests wait: the machine may be busy, and what hangs is found all the same."""

import time
from collections.abc import Callable

PATIENCE = 500.0  # seconds for what takes a moment


def until(done: Callable[[], object]) -> None:
    """Look again and again, and fail when that is never true."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end
        time.sleep(0.1)
