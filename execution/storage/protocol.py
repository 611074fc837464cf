"""Where a sweep keeps things: objects under keys like `arrays/<digest>.npy`, in a folder or elsewhere."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, ClassVar, Protocol


class Lock(Protocol):
    """A lock across processes, released when its holder dies."""

    def acquire(self, timeout: float | None, given_up: Callable[[], bool]) -> bool:
        """Wait at most `timeout` seconds (None: forever) or until `given_up()`; True if the lock is held."""

    def release(self) -> None: ...


class Store(Protocol):
    """Objects are replaced atomically: a reader gets the old one or the new one."""

    def get(self, key: str) -> bytes:
        """The object. FileNotFoundError if there is none, another OSError if it cannot be read."""

    def put(self, key: str, content: bytes, *, durable: bool = False) -> None:
        """Write the object; `durable`: after the call it survives a crash of the machine."""

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Write the object unless there is one; True if it was written."""

    def exists(self, key: str) -> bool: ...

    def list(self, prefix: str) -> Iterator[str]:
        """The keys of objects and folders directly below `prefix`, sorted; none if there is no such folder."""

    def delete(self, key: str) -> None:
        """Remove an object, or everything below a folder, if it exists."""

    def set_aside(self, key: str) -> None:
        """Rename an unusable object to `<key>.bad-<time>`."""

    def size(self, key: str) -> int:
        """Size in bytes of an object, or of everything below a folder."""

    def lock(self, key: str) -> Lock: ...

    def where(self, key: str) -> str:
        """The path or address of an object, for messages."""


class Storage(Store, Protocol):
    """A store with the local files that arrays, programs and finished sweeps need."""

    remote: ClassVar[bool]
    """Whether it is reached over a network and guarantees the integrity of its objects."""

    def check(self, space: int) -> None:
        """Raise InputError unless it can be written to and, as far as known, has `space` bytes free."""

    def draft(self) -> AbstractContextManager[IO[bytes]]:
        """A file to write an object whose key is not known yet; removed if the block fails."""

    def adopt(self, draft: IO[bytes], key: str) -> None:
        """Turn a written draft into the object under `key`."""

    def local(self, key: str, *, anew: bool = False) -> Path:
        """A local file with the object's content, to be memory-mapped; `anew`: a copy is fetched again.

        If there is no such object, OSError is raised at once or when the file is opened.
        """

    def publish(self, folder: str, files: Mapping[str, bytes], latest: str, replaced: Collection[str]) -> None:
        """Replace a folder by one with these files, and point the key `latest` to it.

        Other files of the earlier folder stay, except those in `replaced`.
        """

    def folder(self, name: str) -> Path:
        """A local folder for a program that needs one, created if necessary."""

    def hand_over(self, made: Path, key: str) -> None:
        """Store under `key` a folder that a program has created below `folder(…)`, in place of an earlier one."""

    def gather(self, name: str) -> Sequence[Path]:
        """Local folders, one for each that was handed over below `name`."""
