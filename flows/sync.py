"""`python -m flows sync`: the offline W&B runs of an artifact root, sent."""

import subprocess
import sys

from execution.storage import layout
from execution.storage.choose import storage_at
from experiment.errors import InputError


def sync(*, artifacts: str = "artifacts") -> int:
    """Send the offline W&B runs that lie below an artifact root, wherever they were made; what was sent is not again.

    Parameters
    ----------
    artifacts
        The artifact root.
    """
    storage = storage_at(artifacts)
    folders = sorted(storage.gather(layout.TRACKING).glob("offline-run-*"))
    if not folders:
        raise InputError(f"sync: there are no offline runs in {storage.where(layout.TRACKING)}")
    return subprocess.run([sys.executable, "-m", "wandb", "sync", *map(str, folders)]).returncode  # noqa: S603
