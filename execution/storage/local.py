"""Storage in a folder."""

import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from filelock import FileLock, Timeout

from execution import faults
from execution.storage import layout
from execution.storage.files import draft, forbidden, made, sync
from experiment.values import Frozen

SECONDS_BETWEEN_TRIES = 0.05


class LocalLock:
    """A lock of the operating system, released when its process dies."""

    def __init__(self, path: Path) -> None:
        self.lock = FileLock(path, thread_local=False)

    def acquire(self, timeout: float | None, given_up: Callable[[], bool]) -> bool:
        # Not -1 (forever): filelock would then take two flow runs in one process for a deadlock.
        seconds = threading.TIMEOUT_MAX if timeout is None else timeout
        try:
            self.lock.acquire(seconds, poll_interval=SECONDS_BETWEEN_TRIES, cancel_check=given_up)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        self.lock.release()


class LocalStorage(Frozen):
    """Objects are files below `root`, an absolute path. See `Storage`."""

    remote: ClassVar[bool] = False

    root: Path

    def get(self, key: str) -> bytes:
        path = self.path(key)
        try:
            return path.read_bytes()
        except NotADirectoryError as error:  # a file is in place of its folder
            raise FileNotFoundError(error.errno, error.strerror, error.filename) from error
        except PermissionError as error:
            raise forbidden(path) from error

    def put(self, key: str, content: bytes | Path, *, durable: bool = False) -> None:
        if isinstance(content, Path):
            self.adopt(content, key)
            return
        with draft(self.root / layout.DRAFTS) as file:  # on the same disk as the objects
            file.write(content)
            file.flush()
            if durable:
                sync(file)
            self.adopt(Path(file.name), key)

    def adopt(self, draft: Path, key: str) -> None:
        """Turn a written file into an object."""
        kind, path = key.split("/")[0], self.root / key
        faults.point(f"{kind} drafted")
        if path.is_dir():  # no object can be a folder
            self.set_aside(key)
        try:
            draft.replace(path)
        except FileNotFoundError:
            draft.replace(made(path))
        faults.point(f"{kind} written")

    def exists(self, key: str) -> bool:
        return os.path.lexists(self.path(key))

    def list(self, prefix: str) -> Iterator[str]:
        try:
            names = sorted(os.listdir(self.path(prefix)))  # noqa: PTH208 - strings; there may be 100,000
        except (FileNotFoundError, NotADirectoryError):
            return
        yield from (f"{prefix}/{name}" for name in names)

    def delete(self, key: str) -> None:
        path = self.root / key
        if path.is_dir() and not path.is_symlink():
            gone = made(self.root / layout.DRAFTS / uuid.uuid4().hex)
            path.rename(gone)  # atomically, so that a kill leaves no part of it
            shutil.rmtree(gone)
        else:
            path.unlink(missing_ok=True)

    def set_aside(self, key: str) -> None:
        path = self.root / key
        path.rename(path.with_name(f"{path.name}.bad-{time.time_ns()}"))

    def local(self, key: str, *, anew: bool = False) -> Path:
        return self.path(key)

    def lock(self, key: str) -> LocalLock:
        path = made(self.root / key)
        if path.is_dir():
            self.set_aside(key)
        return LocalLock(path)

    def folder(self, name: str) -> Path:
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def where(self, key: str) -> str:
        return str(self.root / key)

    def path(self, key: str) -> Path:
        """The path of an object. Without symbolic links `latest` is a file that holds the newest sweep's name."""
        latest = self.root / layout.LATEST
        if f"{key}/".startswith(f"{layout.LATEST}/") and latest.is_file():
            return latest.with_name(latest.read_text()) / key.removeprefix(layout.LATEST).lstrip("/")
        return self.root / key
