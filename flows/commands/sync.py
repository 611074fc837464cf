"""`python -m flows sync`: the offline W&B runs of an artifact root, sent."""

import subprocess
import sys
from pathlib import Path

from execution.orchestration.signals import say
from execution.storage import layout
from execution.storage.choose import storage_at
from execution.tracking.offline import ended, id_of
from experiment.errors import InputError, SweepError


def sync(*, artifacts: str = "artifacts") -> int:
    """Send the offline W&B runs of an artifact root that ended, wherever they were made, and that have not been sent.

    The exit code is 1 if one was not sent, or has not ended.

    Parameters
    ----------
    artifacts
        The artifact root.
    """
    storage = storage_at(artifacts)
    every = [path for path in storage.gather(layout.TRACKING) if path.name.startswith("offline-run-")]
    if not every:
        raise InputError(f"sync: there are no offline runs in {storage.where(layout.TRACKING)}")
    newest = {id_of(path): path for path in sorted(every)}  # the last try of a step has all that an earlier one has
    waiting = {run: path for run, path in newest.items() if not marks(path)}
    whole = [path for run, path in waiting.items() if ended(path / f"run-{run}.wandb")]
    if whole:
        # From there, for that is how runs in an object store name the files of their artifacts.
        command = [sys.executable, "-m", "wandb", "sync", *(path.name for path in whole)]
        subprocess.run(command, cwd=whole[0].parent)  # noqa: S603 - whatever it returns, it marks what it has sent
    for path in whole:
        for mark in marks(path):
            storage.put(f"{layout.TRACKING}/{path.name}/{mark.name}", mark.read_bytes())
    left = [path for path in waiting.values() if not marks(path)]
    for path in left:
        why = "W&B did not take all of it" if path in whole else "it has no end; run its sweep again, or remove it"
        say(f"Not sent: {path} ({why})")
    say(f"W&B runs sent: {len(waiting) - len(left)} now, {len(newest) - len(waiting)} before; not sent: {len(left)}")
    return SweepError.exit_code if left else 0


def marks(run: Path) -> list[Path]:
    """Return the files by which W&B's client knows that a run has been sent."""
    return list(run.glob("*.synced"))
