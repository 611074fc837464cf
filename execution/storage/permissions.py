"""What this user may read and write. A file that may not be read is not a damaged one: it is somebody else's."""

import os
import tempfile
from pathlib import Path

from experiment.errors import Forbidden


def forbidden(path: Path) -> Forbidden:
    """Return the error that names file, owner and mode."""
    try:
        stat, owner = path.stat(), path.owner()
    except KeyError:
        owner = f"user {stat.st_uid}"
    except OSError:  # the folder may not be looked into
        return forbidden(path.parent)
    return Forbidden(
        f"{path} may not be read: it belongs to {owner}, mode {stat.st_mode & 0o7777:04o}. Let them open it to you "
        f"(chmod -R g+rX, and umask 002 from now on), or name another artifact root."
    )


def writable(folder: Path) -> bool:
    """Return whether files can be put into a folder, which is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def user_cache() -> Path:
    """Return where programs keep what they can do without."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
