"""Locks in an object store: an object that exists while the lock is held, and changes while its holder is alive.

A process acquires the lock by creating the object, and then rewrites it every few seconds. A waiting process checks
whether it still changes, by its own clock, so clocks need not agree. If it has not changed for `LEASE` seconds, its
holder is dead and the waiting process takes the lock over: it writes the object on condition that it is unchanged, so
that only one of many succeeds.

A holder that was only slow (machine asleep, network down) may continue without the lock. Then work is done twice, but
no result is wrong: results depend on their inputs alone, and both processes write the same bytes under the same keys.
"""

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import ObjectStore

from execution import log
from execution.storage.client import with_retry
from experiment.errors import Unavailable

LEASE = 20.0  # seconds without a renewal after which a holder counts as dead


class LeasedLock:
    """A lock held by one process at a time, as long as that process lives. See `Lock`.

    With a timeout of 0 `acquire` does not wait for a release, but only to see whether the holder is alive: until its
    next renewal, or for `LEASE` seconds if it is dead.
    """

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key
        self.holder = uuid.uuid4().hex
        self.signs = 0
        self.tag: str | None = None  # ETag of the last write; None: the lock is not ours
        self.signed = 0.0  # time of that write
        self.released = threading.Event()

    def acquire(self, timeout: float | None, given_up: Callable[[], bool]) -> bool:
        began = seen = looked = time.monotonic()
        known, pause = "", 0.05
        held = self.claim("create")
        while not held:
            try:
                tag = str(with_retry(self.url, lambda store: store.head(self.key))["e_tag"])
            except FileNotFoundError:
                tag = ""
            now = time.monotonic()
            if not tag:
                held = self.claim("create")
            elif tag != known or now - looked > LEASE / 2:  # it was renewed, or this process was suspended
                if known and timeout is not None and now - began >= timeout:
                    return False
                known, seen = tag, now
            elif now - seen > LEASE:
                held = self.claim({"e_tag": tag})
            if held:
                break
            if given_up() or (timeout and now - began >= timeout):
                return False
            looked = now
            time.sleep(pause)
            pause = min(1.5 * pause, LEASE / 20)
        self.released = threading.Event()
        threading.Thread(target=self.keep, args=[self.released], name=f"lease of {self.key}", daemon=True).start()
        return True

    def release(self) -> None:
        self.released.set()
        if self.tag is not None and time.monotonic() - self.signed > LEASE / 2:  # somebody may have taken it over
            self.sign()
        if self.tag is not None:
            with suppress(FileNotFoundError):
                with_retry(self.url, lambda store: store.delete(self.key))
            self.tag = None

    def claim(self, mode: object) -> bool:
        """Write the object under a condition; False if another holder has it."""
        self.signs += 1
        content, began = f"{self.holder} {self.signs}".encode(), time.monotonic()
        try:
            answer = with_retry(self.url, lambda store: store.put(self.key, content, mode=mode))  # type: ignore[arg-type]
        except (AlreadyExistsError, PreconditionError, FileNotFoundError):
            return self.found_ours()  # the answer to an earlier request may have been lost
        self.tag, self.signed = answer["e_tag"], began
        return True

    def keep(self, released: threading.Event) -> None:
        """Renew the lock until it is released or lost."""
        while not released.wait(LEASE / 5) and self.tag is not None:
            try:
                self.sign()
            except Unavailable as error:  # the next request for a result reports it
                log.debug("%s: %s", self.key, error)

    def sign(self) -> None:
        """Renew the lock, or notice that it is lost."""
        if not self.claim({"e_tag": self.tag}):
            self.tag = None

    def found_ours(self) -> bool:
        """Whether this holder wrote the object; if so, its tag is kept."""

        def read(store: ObjectStore) -> tuple[str, bytes]:
            answer = store.get(self.key)
            return str(answer.meta["e_tag"]), bytes(answer.bytes())

        try:
            tag, content = with_retry(self.url, read)
        except FileNotFoundError:
            return False
        if not content.startswith(self.holder.encode()):
            return False
        self.tag = tag
        return True
