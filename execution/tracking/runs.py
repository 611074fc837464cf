"""One Weights & Biases run per task run, with each epoch once.

The W&B run's id is the task's identity (from its cache key), and its config has the ids of Prefect's flow run and task
run; the task run logs the W&B run's id. A task that was killed and runs again continues its W&B run: online it resumes
after the server's last epoch, offline it writes the run again.

W&B must never harm a sweep. If it cannot be reached, the sweep continues offline after one warning.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.context import TaskRunContext
from prefect.transactions import get_transaction

from execution import log
from execution.config import RunContext
from execution.storage import folders, layout
from execution.storage.local import LocalStorage
from execution.tracking.mode import PATIENCE, go_offline
from execution.tracking.offline import ended, id_of, sync
from execution.tracking.service import surviving
from execution.tracking.wandb_tracker import WandbTracker, keep_artifacts

if TYPE_CHECKING:
    import wandb  # takes half a second, and a cached sweep does not need it

DELETED = "previously created and deleted"  # part of the W&B server's message


@contextmanager
def tracked(
    execution: RunContext, identity: str, job_type: str, name: str, config: dict[str, Any]
) -> Iterator[WandbTracker]:
    """The W&B run of the running Prefect task; see `choose.tracked`. Its config has Prefect's ids and the origin."""
    task_run = TaskRunContext.get()
    assert task_run is not None
    # The sweep's flow run; trainings have a nested one.
    ids = {"prefect_flow_run_id": execution.flow_run, "prefect_task_run_id": str(task_run.task_run.id)}
    with surviving(execution):
        run = start(execution, id=identity, job_type=job_type, name=name, config=config | ids | execution.origin)
        where = f"(offline; to send it: {sync(execution.storage)})" if run.offline else run.url
        transaction = get_transaction()
        if transaction and transaction.key:  # a task run of several names them all in one line
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
    about |= {"project": execution.wandb_project, "entity": execution.wandb_entity, "group": execution.name}
    about |= {"dir": folder.parent, "reinit": "create_new"}
    if execution.wandb_mode == "online" and not execution.state.tracking_given_up:
        try:
            return online(execution, about)
        except wandb.errors.Error as error:
            go_offline(execution, f"a run could not be started ({error})")
            about["id"] += "-offline"  # the client's service keeps an id that it could not start
    notes, note = notes_of(execution), f"{layout.BEGUN}/{about['id']}"
    remember_older(notes)
    if earlier := earlier_try(notes, about["id"]):
        shutil.rmtree(earlier, ignore_errors=True)  # its rows are written again and must not be sent twice
    notes.delete(note)  # first: `remember_older` finds a run killed before its note is written
    run = wandb.init(mode="offline", **about)
    notes.put(note, Path(run.dir).parent.name.encode())
    return run


def notes_of(execution: RunContext) -> LocalStorage:
    """Where the folder of each offline run is noted, by id: on this machine, as the folders are."""
    return LocalStorage(root=execution.storage.folder(""))


def earlier_try(notes: LocalStorage, run: str) -> Path | None:
    """The noted folder of an offline run; None unless it is of a run with this id."""
    try:
        folder = notes.folder(layout.TRACKING) / notes.get(f"{layout.BEGUN}/{run}").decode()
    except (OSError, ValueError):  # usually there is no note
        return None
    return folder if folder.name.startswith("offline-run-") and id_of(folder) == run else None


def online(execution: RunContext, about: dict[str, Any]) -> "wandb.Run":
    """Start an online run, under another id if the user has deleted it in W&B, which then refuses the id."""
    import wandb

    try:
        return wandb.init(mode="online", resume="allow", **about)
    except wandb.errors.Error as error:
        if DELETED not in str(error):
            raise
    return wandb.init(mode="online", resume="allow", **about | {"id": f"{about['id']}-{execution.flow_run[:8]}"})


@cache
def remember_older(notes: LocalStorage) -> None:
    """Note the folders of all offline runs that have no note yet. Once per process: listing all takes too long."""
    for folder in notes.folder(layout.TRACKING).glob("offline-run-*"):
        if not notes.exists(note := f"{layout.BEGUN}/{id_of(folder)}") and folder.exists():
            notes.put(note, folder.name.encode())


def finish(run: "wandb.Run", execution: RunContext, exit_code: int) -> None:
    """Finish a run; if it cannot be sent completely in time, keep it as an offline run."""
    folder, offline = Path(run.dir).parent, run.offline
    try:
        run.finish(exit_code=exit_code)
    except TimeoutError:
        folder, offline = folder.rename(folder.with_name(f"offline-{folder.name}")), True  # as `wandb sync` expects
        notes_of(execution).put(f"{layout.BEGUN}/{run.id}", folder.name.encode())
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
    folders.hand_over(execution.storage, folder, f"{layout.TRACKING}/offline-run-{run}")
