"""`python -m flows sync`: offline W&B runs of an artifact root, sent to W&B."""

import subprocess
import sys
from pathlib import Path

from execution.orchestration.signals import say
from execution.storage import layout, storage_at
from execution.storage.folders import gather
from execution.tracking.offline import ended, id_of
from experiment.errors import InputError, SweepError


def sync(*, artifacts: str = "artifacts") -> int:
    """Send the finished offline W&B runs of an artifact root that have not been sent.

    The exit code is 1 if a run could not be sent or is not finished.

    Parameters
    ----------
    artifacts
        The artifact root.
    """
    storage = storage_at(artifacts)
    every = [path for path in gather(storage, layout.TRACKING) if path.name.startswith("offline-run-")]
    if not every:
        raise InputError(f"sync: there are no offline runs in {storage.where(layout.TRACKING)}")
    newest = {id_of(path): path for path in sorted(every)}  # the last try of a step contains all earlier ones
    waiting = {run: path for run, path in newest.items() if not marks(path)}
    finished = [path for run, path in waiting.items() if ended(path / f"run-{run}.wandb")]
    if finished:
        # Runs in an object store name the files of their artifacts relative to this folder.
        command = [sys.executable, "-m", "wandb", "sync", *(path.name for path in finished)]
        subprocess.run(command, cwd=finished[0].parent)  # noqa: S603 - it marks what it has sent, whatever it returns
    for path in finished:
        for mark in marks(path):
            storage.put(f"{layout.TRACKING}/{path.name}/{mark.name}", mark.read_bytes())
    left = [path for path in waiting.values() if not marks(path)]
    for path in left:
        why = "W&B did not accept it" if path in finished else "it is unfinished: run its sweep again, or remove it"
        say(f"Not sent: {path} ({why})")
    say(f"W&B runs sent: {len(waiting) - len(left)} now, {len(newest) - len(waiting)} before; not sent: {len(left)}")
    return SweepError.exit_code if left else 0


def marks(run: Path) -> list[Path]:
    """The files by which W&B's client marks a run as sent."""
    return list(run.glob("*.synced"))
