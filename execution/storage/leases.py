"""Locks in an object store: an object that is there while the lock is held, and changes while its holder lives.

Whoever puts it where there was none holds the lock, and writes it anew every few seconds. Whoever waits looks whether
it still changes, by a clock of its own: no two clocks need agree. One that has not changed for `LEASE` seconds is of a
holder that is dead, and is taken over: written on condition that it is still the same, so that one of many succeeds.

A holder that was merely slow (its machine asleep, its network gone) may go on without the lock. That costs work done
twice, never a wrong result: what a lock guards is computed from its inputs alone, bit for bit; arrays and files are
named by their content, records by what determined them: both write the same bytes under the same keys, each whole.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import ObjectStore

from execution.storage.client import with_retry
from experiment.errors import Unavailable

log = logging.getLogger("sweep")

LEASE = 20.0  # seconds without a sign of life after which a holder is dead


class LeasedLock:
    """Held by one at a time as long as that one lives. See `Lock`.

    A timeout of 0 is not to wait for another's release; whether that one lives takes at least until its next sign, and
    if it does not, `LEASE` seconds.
    """

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key
        self.holder = uuid.uuid4().hex
        self.signs = 0
        self.tag: str | None = None  # of what was last written; None: it is not ours
        self.signed = 0.0  # when that was
        self.released = threading.Event()

    def acquire(self, timeout: float | None, given_up: Callable[[], bool]) -> bool:
        began = seen = looked = time.monotonic()
        known, pause = "", 0.05
        held = self.begin()
        while not held:
            tag, now = self.look(), time.monotonic()
            if not tag:
                held = self.begin()
            elif tag != known or now - looked > LEASE / 2:  # a sign of life; or we have not been looking
                if known and timeout is not None and now - began >= timeout:
                    return False
                known, seen = tag, now
            elif now - seen > LEASE:
                held = self.take_over(tag)
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

    def begin(self) -> bool:
        """Write the object if there is none; say whether it is ours."""
        try:
            self.write("create")
        except AlreadyExistsError:
            return self.found_ours()  # the answer to an earlier try may have been lost
        return True

    def take_over(self, tag: str) -> bool:
        try:
            self.write({"e_tag": tag})
        except (PreconditionError, FileNotFoundError):
            return self.found_ours()
        return True

    def look(self) -> str:
        """Return what tells this content of the object from another; "" if there is none."""
        try:
            return str(with_retry(self.url, lambda store: store.head(self.key))["e_tag"])
        except FileNotFoundError:
            return ""

    def keep(self, released: threading.Event) -> None:
        """Give signs of life, until the lock is released or lost."""
        while not released.wait(LEASE / 5) and self.tag is not None:
            try:
                self.sign()
            except Unavailable as error:  # whoever needs the store next says so
                log.debug("%s: %s", self.key, error)

    def sign(self) -> None:
        """Give a sign of life, or find that the lock is lost."""
        try:
            self.write({"e_tag": self.tag})
        except (PreconditionError, FileNotFoundError):
            if not self.found_ours():
                self.tag = None

    def found_ours(self) -> bool:
        """Return whether the object is of this holder, which then knows its tag."""

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

    def write(self, mode: object) -> None:
        self.signs += 1
        content = f"{self.holder} {self.signs}".encode()
        began = time.monotonic()
        answer = with_retry(self.url, lambda store: store.put(self.key, content, mode=mode))  # type: ignore[arg-type]
        self.tag, self.signed = answer["e_tag"], began
