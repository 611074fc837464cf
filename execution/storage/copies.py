"""Local copies of an object store: files to be memory-mapped, and folders for programs that need one.

Each store has a folder in the user's cache, shared by all processes of the machine. Files enter it atomically, by
renaming; one process fetches a file while the others wait. Beyond `LIMIT` the least recently used arrays are removed;
other files are small and stay.
"""

import hashlib
import os
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from filelock import FileLock

from execution.storage import layout
from execution.storage.permissions import user_cache

LIMIT = 20e9  # bytes of arrays
IN_USE = 60  # seconds for which a used array is kept in any case
LOCKS = 64  # lock files, shared by all objects


def home(url: str) -> Path:
    """The folder for a store."""
    readable = re.sub(r"[^\w.-]+", "-", url.partition("://")[2])[:60]
    return user_cache() / "softmax-sweep" / f"{readable}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


@contextmanager
def draft(folder: Path) -> Iterator[IO[bytes]]:
    """A file to be renamed when it is complete; removed if the block fails."""
    # Not with `tempfile`, whose files other users may not read whatever the umask is.
    path = made(folder / layout.DRAFTS / uuid.uuid4().hex)
    with path.open("xb") as file:
        try:
            yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def admit(folder: Path, file: IO[bytes], key: str) -> Path:
    """Make a draft the copy of an object."""
    file.close()
    path = made(folder / key)
    size = Path(file.name).stat().st_size
    os.replace(file.name, path)  # noqa: PTH105
    if key.startswith(f"{layout.ARRAYS}/"):
        make_room(path.parent, size)
    return path


def used(path: Path) -> bool:
    """Whether there is such a copy. Its access time is set, which file systems are often mounted not to do."""
    try:
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    except FileNotFoundError:
        return False
    return True


def make_room(arrays: Path, more: int) -> None:
    """Remove the least recently used arrays if there are too many. Mapped ones remain usable until they are closed."""
    with _counting:
        _since_look[arrays] = _since_look.get(arrays, LIMIT) + more
        if _since_look[arrays] < LIMIT / 100:
            return
        _since_look[arrays] = 0
        kept = 0
        for last, size, path in sorted(((s.st_atime, s.st_size, p) for p, s in stats(arrays)), reverse=True):
            kept += size
            if kept > LIMIT and time.time() - last > IN_USE:
                path.unlink(missing_ok=True)


def stats(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process has removed it
            yield path, path.stat()


_since_look: dict[Path, float] = {}  # bytes added to a folder since this process last listed it
_counting = threading.Lock()


def one_at_a_time(folder: Path, key: str) -> FileLock:
    """The lock to hold while an object is fetched."""
    number = int(hashlib.sha256(key.encode()).hexdigest(), 16) % LOCKS
    return FileLock(made(folder / layout.LOCKS / f"{number}.lock"), thread_local=False)


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
