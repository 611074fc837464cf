"""Where a sweep keeps things: objects under keys like `arrays/<digest>.npy`, in a folder or elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Protocol


class Lock(Protocol):
    """A lock across processes, released when its holder dies."""

    def acquire(self, timeout: float | None, given_up: Callable[[], bool]) -> bool:
        """Wait at most `timeout` seconds (None: forever) or until `given_up()`; True if the lock is held."""

    def release(self) -> None: ...


@contextmanager
def held(lock: Lock) -> Iterator[None]:
    """Hold a lock inside the block, after waiting for it."""
    lock.acquire(None, given_up=lambda: False)
    try:
        yield
    finally:
        lock.release()


class Storage(Protocol):
    """Objects are replaced atomically: a reader gets the old one or the new one."""

    remote: ClassVar[bool]
    """Whether it is reached over a network and guarantees the integrity of its objects."""

    def get(self, key: str) -> bytes:
        """The object. FileNotFoundError if there is none, another OSError if it cannot be read."""

    def put(self, key: str, content: bytes | Path, *, durable: bool = False) -> None:
        """Write the object; `durable`: after the call it survives a crash of the machine.

        A path is that of a file in `folder(DRAFTS)`, which may be moved.
        """

    def exists(self, key: str) -> bool: ...

    def list(self, prefix: str) -> Iterator[str]:
        """The keys of objects and folders directly below `prefix`, sorted; none if there is no such folder."""

    def delete(self, key: str) -> None:
        """Remove an object, or everything below a folder, if it exists."""

    def set_aside(self, key: str) -> None:
        """Rename an unusable object to `<key>.bad-<time>`."""

    def lock(self, key: str) -> Lock: ...

    def where(self, key: str) -> str:
        """The path or address of an object, for messages."""

    def local(self, key: str, *, anew: bool = False) -> Path:
        """A local file with the object's content, to be memory-mapped; `anew`: a copy is fetched again.

        If there is no such object, OSError is raised at once or when the file is opened.
        """

    def folder(self, name: str) -> Path:
        """A local folder for programs that need one, created if necessary."""
