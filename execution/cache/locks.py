"""Locks of steps: while a step runs, its identity is locked across threads and processes.

When two sweeps share an artifact root, the second one waits and takes the first one's result. A killed process holds
no lock.
"""

import uuid

from prefect.locking.protocol import LockManager

from execution.config import RunContext
from execution.storage import Lock, layout
from experiment.errors import Interrupted


class KeyLocks(LockManager):
    """Prefect's lock manager on the locks of the sweep's storage."""

    def __init__(self, execution: RunContext) -> None:
        self.storage, self.state = execution.storage, execution.state
        self.held: dict[str, tuple[str, Lock]] = {}

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        lock = self.storage.lock(f"{layout.LOCKS}/{key[: layout.IDENTITY]}.lock")
        if not lock.acquire(acquire_timeout, given_up=lambda: self.state.stop_requested):
            if self.state.stop_requested:
                raise Interrupted("stopped while another sweep was at the same step")
            return False
        self.held[key] = (holder, lock)
        return True

    def release_lock(self, key: str, holder: str) -> None:
        if not self.is_lock_holder(key, holder):
            raise ValueError(f"no lock held by {holder} for {key}")
        self.held.pop(key)[1].release()

    def is_locked(self, key: str) -> bool:
        # Prefect asks this before it writes, about a lock that it holds itself. Another's may take seconds to check.
        return key in self.held or not self.wait_for_lock(key, timeout=0)

    def is_lock_holder(self, key: str, holder: str) -> bool:
        return key in self.held and self.held[key][0] == holder

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        probe = uuid.uuid4().hex
        if not self.acquire_lock(key, probe, acquire_timeout=timeout):
            return False
        self.release_lock(key, probe)
        return True

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        return self.acquire_lock(key, holder, acquire_timeout, hold_timeout)

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        return self.wait_for_lock(key, timeout)
