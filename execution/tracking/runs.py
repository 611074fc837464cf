"""One Weights & Biases run per task run, with each epoch once.

The W&B run's id is the task's identity (from its cache key), and its config has the ids of Prefect's flow run and task
run; the task run logs the W&B run's id. A task that was killed and runs again continues its W&B run: online it resumes
after the server's last epoch, offline it writes the run again.

W&B must never harm a sweep. If it cannot be reached, the sweep continues offline after one warning.
"""

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.context import TaskRunContext

from execution.cache.key import identity
from execution.config import RunContext
from execution.storage import layout
from execution.tracking.artifacts import keep_artifacts
from execution.tracking.mode import PATIENCE, go_offline
from execution.tracking.offline import ended, id_of, sync
from execution.tracking.service import surviving
from execution.tracking.wandb_tracker import WandbTracker

if TYPE_CHECKING:
    import wandb  # takes half a second, and a cached sweep does not need it

log = logging.getLogger("sweep")

DELETED = "previously created and deleted"  # part of the W&B server's message


@contextmanager
def tracked(execution: RunContext, job_type: str, name: str, config: dict[str, Any]) -> Iterator[WandbTracker]:
    """Open the W&B run of the running Prefect task; it ends as failed when the block raises.

    Parameters
    ----------
    job_type : the step
    name : to display
    config : the step's settings, to be read back from W&B; the Prefect ids are added

    Raises
    ------
    TrackerDied : W&B's client cannot continue the run: run the block again
    """
    task_run = TaskRunContext.get()
    assert task_run is not None
    ids = {
        "prefect_flow_run_id": str(task_run.task_run.flow_run_id),
        "prefect_task_run_id": str(task_run.task_run.id),
    }
    with surviving(execution):
        run = start(execution, job_type=job_type, name=name, config=config | ids)
        where = f"(offline; to send it: {sync(execution.storage, Path(run.dir).parent)})" if run.offline else run.url
        log.info("W&B run %s %s", run.id, where, extra={"console": False})
        keep_artifacts(run, portable=execution.storage.remote)
        try:
            yield WandbTracker(execution, run)
        except BaseException:
            with suppress(Exception):  # the block's own exception matters more
                finish(run, execution, exit_code=1)
            raise
        finish(run, execution, exit_code=0)


def start(execution: RunContext, **about: Any) -> "wandb.Run":
    """Start a run: online if that is the mode and W&B answers in time, else offline, in place of an earlier try."""
    import wandb

    folder = execution.storage.folder(layout.TRACKING)
    about |= {
        "id": identity(),
        "project": execution.wandb_project,
        "entity": execution.wandb_entity,
        "group": execution.name,
        "dir": folder.parent,
        "reinit": "create_new",
    }
    if execution.wandb_mode == "online" and not execution.state.tracking_given_up:
        try:
            return online(execution, about)
        except wandb.errors.Error as error:
            go_offline(execution, f"a run could not be started ({error})")
            about["id"] += "-offline"  # the client's service keeps an id that it could not start
    known = execution.storage.folder(layout.BEGUN)
    remember_older(known)
    note = known / about["id"]
    if earlier := earlier_try(note):
        shutil.rmtree(earlier, ignore_errors=True)  # its rows are written again and must not be sent twice
    if note.is_dir() and not note.is_symlink():  # a root that was copied with links followed
        note.rename(note.with_name(f"{note.name}.bad-{time.time_ns()}"))
    note.unlink(missing_ok=True)  # first: `remember_older` finds a run killed before its note is written
    run = wandb.init(mode="offline", **about)
    remember(note, Path(run.dir).parent)
    return run


def earlier_try(note: Path) -> Path | None:
    """The folder that a note names; None unless it is of an offline run with that id."""
    try:
        name = note.readlink().name if note.is_symlink() else note.read_text()
    except (OSError, ValueError):  # usually there is no note
        return None
    folder = note.parent.parent / name
    return folder if name.startswith("offline-run-") and id_of(folder) == note.name else None


def online(execution: RunContext, about: dict[str, Any]) -> "wandb.Run":
    """Start an online run, under another id if the user has deleted it in W&B, which then refuses the id."""
    import wandb

    try:
        return wandb.init(mode="online", resume="allow", **about)
    except wandb.errors.Error as error:
        if DELETED not in str(error):
            raise
    return wandb.init(mode="online", resume="allow", **about | {"id": f"{about['id']}-{execution.flow_run[:8]}"})


def remember(note: Path, folder: Path) -> None:
    """Note the folder of an offline run, in place of an earlier note."""
    draft = note.with_name(f".{note.name}")
    draft.unlink(missing_ok=True)
    write_note(draft, folder)
    draft.replace(note)


def write_note(note: Path, folder: Path) -> None:
    """Note a folder as a symbolic link, which is created atomically; on a file system without links, in a small file.

    Raises
    ------
    FileExistsError : there is a note
    """
    try:
        note.symlink_to(Path("..") / folder.name)
    except FileExistsError:
        raise
    except OSError:
        with note.open("x") as file:
            file.write(folder.name)


@cache
def remember_older(known: Path) -> None:
    """Note the folders of all offline runs that have no note yet. Once per process: listing all takes too long."""
    for folder in known.parent.glob("offline-run-*"):
        with suppress(FileExistsError):  # noted before, or by another thread or process meanwhile
            write_note(known / id_of(folder), folder)


def finish(run: "wandb.Run", execution: RunContext, exit_code: int) -> None:
    """Finish a run; if it cannot be sent completely in time, keep it as an offline run."""
    folder, offline = Path(run.dir).parent, run.offline
    try:
        run.finish(exit_code=exit_code)
    except TimeoutError:
        folder, offline = folder.rename(folder.with_name(f"offline-{folder.name}")), True  # as `wandb sync` expects
        remember(execution.storage.folder(layout.BEGUN) / run.id, folder)
        go_offline(execution, f"run {run.id} could not be sent to its end")
    if offline:
        hand_over(execution, run.id, folder)


def hand_over(execution: RunContext, run: str, folder: Path) -> None:
    """Move an offline run to the sweep's storage, once it is completely written."""
    if execution.storage.remote:
        until = time.monotonic() + PATIENCE
        while not ended(folder / f"run-{run}.wandb"):
            if time.monotonic() > until:
                log.warning("W&B: run %s has no end and stays on this machine: %s", run, folder)
                return
            time.sleep(0.02)
    execution.storage.hand_over(folder, f"{layout.TRACKING}/offline-run-{run}")
