"""Read and write permissions of the user. An unreadable file is not treated as damaged."""

import os
import tempfile
from pathlib import Path

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


def user_cache() -> Path:
    """The user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
