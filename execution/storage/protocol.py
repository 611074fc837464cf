"""Where a sweep keeps things: objects under keys like `arrays/<digest>.npy`, in a folder or elsewhere."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, ClassVar, Protocol


class Lock(Protocol):
    """Held by one at a time, whatever the process; let go when its holder dies."""

    def acquire(self, timeout: float | None, given_up: Callable[[], bool]) -> bool:
        """Wait for at most `timeout` seconds (None: for ever) or until `given_up()`; say whether it is held."""

    def release(self) -> None: ...


class Storage(Protocol):
    """Objects are replaced whole: whoever reads finds the old one or the new one."""

    remote: ClassVar[bool]
    """Whether it is reached over a network and answers for its objects: one that is there is not read to be trusted."""

    def check(self, space: int) -> None:
        """Raise InputError unless it can be written to and has room for so many bytes, as far as can be known."""

    def get(self, key: str) -> bytes:
        """Return the object; raise FileNotFoundError where there is none, another OSError where it cannot be read."""

    def put(self, key: str, content: bytes, *, durable: bool = False) -> None:
        """Write the object; `durable`: it survives a crash of the machine from here on."""

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Write the object unless there is one; say whether it was written."""

    def exists(self, key: str) -> bool: ...

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys directly below `prefix`, objects and folders, in order; none where there is no such."""

    def delete(self, key: str) -> None:
        """Remove an object, or everything below a folder; nothing if it is not there."""

    def set_aside(self, key: str) -> None:
        """Rename what cannot be used to where nothing looks for it, and where a person finds it."""

    def size(self, key: str) -> int:
        """Return the bytes of an object, or of everything below a folder."""

    def draft(self) -> AbstractContextManager[IO[bytes]]:
        """Open a file to write an object into whose key is not known yet; removed if it is not adopted."""

    def adopt(self, draft: IO[bytes], key: str) -> None:
        """Make a written draft the object under `key`."""

    def local(self, key: str, *, anew: bool = False) -> Path:
        """Return a file of this machine with the object's content, to be memory-mapped.

        `anew`: not a copy that was made before. Raises OSError where there is no such object, at once or when opened.
        """

    def lock(self, key: str) -> Lock: ...

    def publish(self, folder: str, files: Mapping[str, bytes], latest: str, replaced: Collection[str]) -> None:
        """Put a folder of these files in place of an earlier one, and point the key `latest` to it.

        What else lies in the earlier one stays, but for what is named as in `replaced`.
        """

    def folder(self, name: str) -> Path:
        """Return a folder of this machine for a program that wants one, made if need be."""

    def hand_over(self, made: Path, key: str) -> None:
        """Keep under `key`, in place of what was there, a folder that a program has made below `folder(…)`."""

    def gather(self, name: str) -> Sequence[Path]:
        """Return folders of this machine, one for each that was handed over to the folder `name`."""

    def where(self, key: str) -> str:
        """Return how a person finds it."""
