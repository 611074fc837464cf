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
from contextlib import suppress
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from execution.storage import layout
from execution.storage.files import made

LIMIT = 20e9  # bytes of arrays
IN_USE = 60  # seconds for which a used array is kept in any case
LOCKS = 64  # lock files, shared by all objects


def home(url: str) -> Path:
    """The folder for a store."""
    readable = re.sub(r"[^\w.-]+", "-", url.partition("://")[2])[:60]
    return user_cache_path("softmax-sweep") / f"{readable}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def admit(folder: Path, draft: Path, key: str) -> Path:
    """Make a draft the copy of an object."""
    path, size = made(folder / key), draft.stat().st_size
    draft.replace(path)
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
        _since_look[arrays] = kept = 0
        found = []
        for path in arrays.iterdir():
            with suppress(FileNotFoundError):  # another process has removed it
                found.append((path.stat().st_atime, path.stat().st_size, path))
        for last, size, path in sorted(found, reverse=True):
            kept += size
            if kept > LIMIT and time.time() - last > IN_USE:
                path.unlink(missing_ok=True)


_since_look: dict[Path, float] = {}  # bytes added to a folder since this process last listed it
_counting = threading.Lock()


def one_at_a_time(folder: Path, key: str) -> FileLock:
    """The lock to hold while an object is fetched."""
    number = int(hashlib.sha256(key.encode()).hexdigest(), 16) % LOCKS
    return FileLock(made(folder / layout.LOCKS / f"{number}.lock"), thread_local=False)
