"""The loop around a training.

Every few seconds the state is saved as a checkpoint and the new epochs are logged. W&B's client takes them together at
half the cost of single ones, which would be a twentieth of the training's time.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from execution import faults
from execution.cache import checkpoints
from execution.config import RunContext
from execution.tracking.tracker import Tracker
from experiment.errors import Interrupted
from softmax.sgd import Metrics, State

log = logging.getLogger("sweep")

BEST = {"val_accuracy": "max", "val_loss": "min"}  # the best value of each figure
# Seconds between two checks for a request to stop, unless checkpoints are more frequent: a check takes as long as a
# small epoch, and lets other threads run.
LOOKS = 0.5
LOOKS_A_SECOND = 200  # of all trainings together, as each one asks the store
PICK: dict[str, Callable[[Iterable[float]], float]] = {"max": max, "min": min}


def follow(
    execution: RunContext,
    identity: str,
    tracker: Tracker,
    epochs: Callable[..., Iterator[State]],
    until: int | None = None,
    *,
    limited: bool = False,
) -> State:
    """Run a training to its end, from its last checkpoint if there is one; return the last state.

    Parameters
    ----------
    identity : of the training
    tracker : gets a row for every epoch, including those of the checkpoint
    epochs : `softmax.sgd.train` with all arguments bound except `state` and `stop`
    until : the epoch after which it pauses and keeps its checkpoint; a checkpoint of a later epoch is not changed
    limited : whether it ends at the sweep's time limit

    Raises
    ------
    Interrupted : by a request to stop or the time limit; the checkpoint is of the last complete epoch
    """
    storage, flow_run = execution.storage, execution.state
    state = checkpoints.load(storage, identity)
    further = state is not None and until is not None and len(state.history) > until
    if further:
        state = None
    if state:
        log.info("Resumes from epoch %d", len(state.history), extra={"console": False})
    logged, saved, looked, why = 0, time.monotonic(), -math.inf, ""

    def stop() -> bool:
        nonlocal looked, why
        if time.monotonic() - looked < max(
            min(LOOKS, execution.checkpoint_seconds), execution.workers / LOOKS_A_SECOND
        ):
            return False
        looked = time.monotonic()
        if flow_run.stop_requested:
            why = "stopped"
        elif limited and flow_run.time_is_up:
            why = "no time was left for it"
        return bool(why)

    for latest in epochs(state=state, stop=stop):
        state = latest
        if time.monotonic() - saved >= execution.checkpoint_seconds and not further:
            log_epochs(tracker, state.history[logged:])
            checkpoints.save(storage, identity, state)
            logged, saved = len(state.history), time.monotonic()
            say_where(state)
    if state:
        log_epochs(tracker, state.history[logged:])
    if why:
        if state and logged < len(state.history) and not further:
            checkpoints.save(storage, identity, state)
        raise Interrupted(f"{why} after epoch {len(state.history) if state else 0}")
    assert state is not None
    tracker.summarize(**best_of(state.history))
    if until is not None and not further:
        checkpoints.save(storage, identity, state)
    return state


def log_epochs(tracker: Tracker, rows: Iterable[Metrics]) -> None:
    for row in rows:
        tracker.log_epoch(row)
        faults.point("epoch")


def best_of(history: Sequence[Metrics]) -> dict[str, dict[str, float]]:
    """The best values of all epochs, in the form of W&B's own summaries, which need a run in one process."""
    values = {name: [value for row in history if (value := getattr(row, name)) == value] for name in BEST}
    return {name: {BEST[name]: PICK[BEST[name]](known)} for name, known in values.items() if known}


def say_where(state: State) -> None:
    """Log the progress of a training in the task run's log."""
    now = state.history[-1]
    log.info(
        "Epoch %d: train loss %.4f, validation loss %.4f, accuracy %.2f%%; lowest loss in epoch %d",
        now.epoch, now.train_loss, now.val_loss, 100 * now.val_accuracy, state.best_epoch, extra={"console": False},
    )  # fmt: skip
