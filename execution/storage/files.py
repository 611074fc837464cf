"""Files of this machine: drafts, and the user's permissions. An unreadable file is not treated as damaged."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import IO

from experiment.errors import Forbidden


def forbidden(path: Path) -> Forbidden:
    """The error that names file, owner and mode."""
    try:
        stat, owner = path.stat(), path.owner()
    except KeyError:
        owner = f"user {stat.st_uid}"
    except OSError:  # its folder is not accessible either
        return forbidden(path.parent)
    return Forbidden(
        f"{path} may not be read: it belongs to {owner}, mode {stat.st_mode & 0o7777:04o}. Ask them for access "
        f"(chmod -R g+rX, and umask 002 from now on), or give another artifact root."
    )


def writable(folder: Path) -> bool:
    """Whether files can be created in a folder, which is created if necessary."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@contextmanager
def draft(folder: Path) -> Iterator[BufferedRandom]:
    """A new file in a folder, to be renamed when it is written; removed if it still has its name after the block."""
    # Not with `tempfile`, whose files other users may not read whatever the umask is.
    path = made(folder / uuid.uuid4().hex)
    try:
        with path.open("x+b") as file:
            yield file
    finally:
        path.unlink(missing_ok=True)


def sync(file: IO[bytes]) -> None:
    """Flush a file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def made(path: Path) -> Path:
    """The path, after its folder was created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
