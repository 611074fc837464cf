"""`python -m flows sync`: the offline W&B runs of an artifact root, sent."""

import subprocess
import sys

from execution.storage import layout
from execution.storage.choose import storage_at
from experiment.errors import InputError


def sync(*, artifacts: str = "artifacts") -> int:
    """Send the offline W&B runs of an artifact root, wherever they were made; not those that have been sent.

    Parameters
    ----------
    artifacts
        The artifact root.
    """
    storage = storage_at(artifacts)
    folder = storage.gather(layout.TRACKING)
    runs = sorted(path.name for path in folder.glob("offline-run-*"))
    if not runs:
        raise InputError(f"sync: there are no offline runs in {storage.where(layout.TRACKING)}")
    # From there, for that is how runs in an object store name the files of their artifacts.
    code = subprocess.run([sys.executable, "-m", "wandb", "sync", *runs], cwd=folder).returncode  # noqa: S603
    for sent in folder.glob("offline-run-*/*.synced"):
        storage.put(f"{layout.TRACKING}/{sent.parent.name}/{sent.name}", sent.read_bytes())
    return code
