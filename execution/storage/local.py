"""Storage in a folder."""

import errno
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, ClassVar

from filelock import FileLock, Timeout

from execution import faults
from execution.storage import copies, layout
from execution.storage.permissions import forbidden
from experiment.errors import InputError
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

    def check(self, space: int) -> None:
        existing = next(path for path in (self.root, *self.root.parents) if path.exists())
        try:
            with tempfile.TemporaryFile(dir=existing):
                pass
        except OSError as error:
            reason = "is not a folder" if error.errno == errno.ENOTDIR else f"cannot be written to ({error.strerror})"
            raise InputError(f"artifacts: {existing} {reason}: give another folder") from error
        probe = existing / f".{uuid.uuid4().hex}.lock"
        try:
            with FileLock(probe):
                pass
        except (OSError, NotImplementedError) as error:
            raise InputError(
                f"artifacts: {existing} is on a file system without locks ({error}), which sweeps need: "
                "give a folder on another one"
            ) from error
        finally:
            probe.unlink(missing_ok=True)
        if (free := shutil.disk_usage(existing).free) < space:
            raise InputError(
                f"artifacts: {existing} has {free / 1e6:.0f} MB free and this sweep needs {space / 1e6:.0f} MB: "
                "make room or give another folder"
            )

    def get(self, key: str) -> bytes:
        path = self.path(key)
        try:
            return path.read_bytes()
        except NotADirectoryError as error:  # a file is in place of its folder
            raise FileNotFoundError(error.errno, error.strerror, error.filename) from error
        except PermissionError as error:
            raise forbidden(path) from error

    def put(self, key: str, content: bytes, *, durable: bool = False) -> None:
        with self.draft() as file:
            file.write(content)
            if durable:
                sync(file)
            self.adopt(file, key)

    def put_if_absent(self, key: str, content: bytes) -> bool:
        path = self.made(key)
        with self.draft() as file:
            file.write(content)
            sync(file)  # a partial object would never be replaced
        try:
            os.link(file.name, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            try:
                with path.open("xb") as only:
                    only.write(content)
            except FileExistsError:
                return False
        finally:
            Path(file.name).unlink()
        return True

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
            gone = self.made(f"{layout.DRAFTS}/{uuid.uuid4().hex}")
            path.rename(gone)  # atomically, so that a kill leaves no part of it
            shutil.rmtree(gone)
        else:
            path.unlink(missing_ok=True)

    def set_aside(self, key: str) -> None:
        path = self.root / key
        path.rename(path.with_name(f"{path.name}.bad-{time.time_ns()}"))

    def size(self, key: str) -> int:
        path = self.root / key
        files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
        return sum(file.lstat().st_size for file in files if not file.is_dir())

    def draft(self) -> AbstractContextManager[IO[bytes]]:
        return copies.draft(self.root)  # on the same disk as the objects, since a draft becomes one by renaming

    def adopt(self, draft: IO[bytes], key: str) -> None:
        draft.close()
        kind = key.split("/")[0]
        faults.point(f"{kind} drafted")
        path = self.root / key
        if path.is_dir():  # no object can be a folder
            self.set_aside(key)
        try:
            os.replace(draft.name, path)  # noqa: PTH105
        except FileNotFoundError:
            os.replace(draft.name, self.made(key))  # noqa: PTH105
        faults.point(f"{kind} written")

    def local(self, key: str, *, anew: bool = False) -> Path:
        return self.path(key)

    def lock(self, key: str) -> LocalLock:
        path = self.made(key)
        if path.is_dir():
            self.set_aside(key)
        return LocalLock(path)

    def publish(self, folder: str, files: Mapping[str, bytes], latest: str, replaced: Collection[str]) -> None:
        path = self.made(folder)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        for left in path.parent.glob(f".{path.name}.*.old"):
            if path.exists():
                shutil.rmtree(left, ignore_errors=True)
            else:  # a sweep killed between the two renames below
                left.rename(path)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        for name, content in files.items():
            with (draft / name).open("wb") as file:
                file.write(content)
                sync(file)
        for other in path.iterdir() if path.is_dir() else ():
            if other.name not in {*files, *replaced}:
                if other.is_dir() and not other.is_symlink():
                    shutil.copytree(other, draft / other.name, symlinks=True)
                else:
                    shutil.copy2(other, draft / other.name, follow_symlinks=False)
        old = draft.with_name(f"{draft.name}.old")
        if path.exists():
            path.rename(old)
        faults.point("publish between")
        draft.rename(path)
        faults.point("publish in place")
        shutil.rmtree(old, ignore_errors=True)
        link = draft.with_name(f"{draft.name}.latest")
        link.unlink(missing_ok=True)
        try:
            link.symlink_to(os.path.relpath(path, link.parent))
        except OSError:  # a file system without links
            link.write_text(path.name)
        faults.point("publish linked")
        if (self.root / latest).is_dir() and not (self.root / latest).is_symlink():  # copied with links followed
            self.set_aside(latest)
        link.replace(self.root / latest)

    def folder(self, name: str) -> Path:
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def hand_over(self, made: Path, key: str) -> None:
        """Do nothing: the folder is already in place."""

    def gather(self, name: str) -> Sequence[Path]:
        return [path for path in (self.root / name).glob("*") if path.is_dir()]

    def where(self, key: str) -> str:
        return str(self.root / key)

    def path(self, key: str) -> Path:
        """The path of an object. Without symbolic links `latest` is a file that holds the newest sweep's name."""
        latest = self.root / layout.LATEST
        if f"{key}/".startswith(f"{layout.LATEST}/") and latest.is_file():
            return latest.with_name(latest.read_text()) / key.removeprefix(layout.LATEST).lstrip("/")
        return self.root / key

    def made(self, key: str) -> Path:
        """The path of an object, after its folder was created."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def sync(file: IO[bytes]) -> None:
    """Flush a file to the disk."""
    file.flush()
    os.fsync(file.fileno())
