"""What of the artifact root no kept sweep needs any more."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout


class InUse(RuntimeError):
    """A sweep is running on this artifact root."""


def unneeded(root: Path, keep: int | None) -> list[Path]:
    """Files and folders that none of the kept sweeps refers to.

    Parameters
    ----------
    root : the artifact root
    keep : how many of the newest sweeps to keep; None keeps all

    Raises
    ------
    InUse : removing now would take something from under a running sweep
    """
    refuse_if_in_use(root)
    folders = [path for path in (root / "sweeps").glob("*") if not path.is_symlink()]
    drafts = [path for path in folders if path.name.startswith(".")]  # of reports that were killed
    sweeps = [path for path in folders if path not in drafts]
    sweeps.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    kept, dropped = sweeps[:keep], sweeps[keep:] if keep is not None else []
    identities = {identity for sweep in kept for identity in identities_of(sweep)}
    records = [path for path in (root / "cache").glob("*") if path.name[:20] in identities]
    digests = {digest for record in records for digest in re.findall(rb"sha256:([0-9a-f]{64})", record.read_bytes())}
    arrays = {f"{digest.decode()}.npy" for digest in digests}

    def doomed() -> Iterator[Path]:
        yield from drafts
        yield from dropped
        yield from (path for path in (root / "cache").glob("*") if path not in records)
        yield from (path for path in (root / "arrays").glob("*") if path.name not in arrays)
        yield from (path for path in (root / "checkpoints").glob("*") if path.stem not in identities)
        runs = (root / "wandb").glob("*run-*-*")
        yield from (path for path in runs if not any(identity in path.name for identity in identities))
        yield from (root / "locks").glob("*.lock")

    return sorted(doomed())


def identities_of(sweep: Path) -> set[str]:
    """What the runs of a finished sweep are called; none if its summary cannot be read."""
    try:
        runs = json.loads((sweep / "summary.json").read_text())["runs"]
        return {identity for of_step in runs.values() for identity in of_step}
    except (OSError, ValueError, KeyError):
        return set()


def refuse_if_in_use(root: Path) -> None:
    for path in (root / "locks").glob("*.lock"):
        try:
            FileLock(path).acquire(blocking=False).lock.release()
        except Timeout as held:
            raise InUse(f"a sweep is running on {root}: let it end first") from held


def size(path: Path) -> int:
    """Bytes, of a file or of all files below a folder."""
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_dir())


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
