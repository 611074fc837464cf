"""The first argument of a step's body: its settings, its arrays, its tracker, and the loop around a training.

Every few seconds the state is saved as a checkpoint and the new epochs are logged. W&B's client takes them together at
half the cost of single ones, which would be a twentieth of the training's time.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from execution import faults, log
from execution.cache import checkpoints
from execution.config import RunContext
from execution.orchestration.forecast import Standing, expected_epochs
from execution.steps import compiled
from execution.storage import arrays, layout
from execution.tracking.tracker import Tracker
from experiment.axes import Combination
from experiment.errors import Interrupted
from experiment.values import Settings
from softmax.sgd import Metrics, State

S = TypeVar("S", bound=Settings)

BEST: dict[str, Callable[[Iterable[float]], float]] = {"val_accuracy": max, "val_loss": min}
# Seconds between two checks for a request to stop, unless checkpoints are more frequent: a check takes as long as a
# small epoch, and lets other threads run.
LOOKS = 0.5
LOOKS_A_SECOND = 200  # of all trainings together, as each one asks the store


class Run:
    """One run of a step: arrays in the sweep's storage, figures with its tracker. `limited`: by the sweep's time."""

    def __init__(
        self, execution: RunContext, identity: str, tracker: Tracker, settings: dict[str, Any], limited: bool
    ) -> None:
        self.execution, self.identity, self.tracker, self.limited = execution, identity, tracker, limited
        self.config = {name: tracker.config[name] for name in settings}  # the tracker is the source of truth
        self.open = partial(arrays.open_array, execution.storage)
        self.put = partial(arrays.put_array, execution.storage)
        self.put_file = partial(arrays.put_file, execution.storage)

    def settled(self, settings: S) -> S:
        """These settings, read back from the tracker."""
        return type(settings).model_validate({name: self.config[name] for name in type(settings).model_fields})

    @property
    def downloads(self) -> Path:
        """The folder for downloaded files."""
        return self.execution.storage.folder(layout.DOWNLOADS)

    def follow(self, epochs: Callable[..., Iterator[State]], until: int | None = None) -> State:
        """Run a training from its last checkpoint, if there is one, to its end; return the last state.

        Interrupted by a request to stop or the time limit, it leaves a checkpoint of the last complete epoch.

        Parameters
        ----------
        epochs : `softmax.sgd.train` with all arguments bound except `state` and `stop`
        until : the epoch after which it pauses and keeps its checkpoint; a checkpoint of a later epoch is not changed
        """
        execution, storage, flow_run = self.execution, self.execution.storage, self.execution.state
        if self.config.get("engine") == "numba" and execution.runner != "threads":
            epochs = compiled.by_one(epochs)
        state = checkpoints.load(storage, self.identity)
        further = state is not None and until is not None and len(state.history) > until
        if further:
            state = None
        if state:
            log.info("Resumes from epoch %d", len(state.history), extra={"console": False})
        before, logged, looked, why = len(state.history) if state else 0, 0, -math.inf, ""
        began = saved = reported = time.monotonic()
        pause = max(min(LOOKS, execution.checkpoint_seconds), execution.workers / LOOKS_A_SECOND)

        def stop() -> bool:
            nonlocal looked, why
            if time.monotonic() - looked < pause:
                return False
            looked = time.monotonic()
            if flow_run.stop_requested:
                why = "stopped"
            elif self.limited and execution.time_is_up:
                why = "no time was left for it"
            return bool(why)

        try:
            for latest in epochs(state=state, stop=stop):
                state, now = latest, time.monotonic()
                if self.limited and now - reported >= flow_run.seconds_between_looks:
                    reported = now
                    flow_run.stand(self.identity, self.standing(state, before, now - began))
                if now - saved >= execution.checkpoint_seconds and not further:
                    log_epochs(self.tracker, state.history[logged:])
                    checkpoints.save(storage, self.identity, state)
                    logged, saved, last = len(state.history), time.monotonic(), state.history[-1]
                    log.info("%s", words(last, state.best_epoch), extra={"console": False})
        finally:
            if self.limited:
                flow_run.end(self.identity)
        if state:
            log_epochs(self.tracker, state.history[logged:])
        if why:
            if state and logged < len(state.history) and not further:
                checkpoints.save(storage, self.identity, state)
            raise Interrupted(f"{why} after epoch {len(state.history) if state else 0}")
        assert state is not None
        known = {name: [value for row in state.history if (value := getattr(row, name)) == value] for name in BEST}
        # In the form of W&B's own summaries, which need a run in one process.
        self.tracker.summarize(**{name: {BEST[name].__name__: BEST[name](known[name])} for name in BEST if known[name]})
        if until is not None and not further:
            checkpoints.save(storage, self.identity, state)
        return state

    def standing(self, state: State, before: int, seconds: float) -> Standing:
        """The progress of a training that had `before` epochs when it continued, so many seconds ago."""
        config, losses, most = self.config, [row.val_loss for row in state.history], self.config["max_epochs"]
        return Standing(
            combination=Combination.model_validate({name: config[name] for name in Combination.model_fields}),
            seed=config["seed"], fold=config.get("fold"), epochs=len(losses), before=before, seconds=seconds,
            expected=expected_epochs(losses, config["patience"] or most, most),
        )  # fmt: skip


def words(row: Metrics, best_epoch: int) -> str:
    """An epoch as a line of the log; the final model has no validation rows."""
    if math.isnan(row.val_loss):
        return f"Epoch {row.epoch}: train loss {row.train_loss:.4f}"
    return (
        f"Epoch {row.epoch}: train loss {row.train_loss:.4f}, validation loss {row.val_loss:.4f}, accuracy "
        f"{row.val_accuracy:.2%}; lowest loss in epoch {best_epoch}"
    )


def log_epochs(tracker: Tracker, rows: Iterable[Metrics]) -> None:
    for row in rows:
        tracker.log_epoch(row)
        faults.point("epoch")
