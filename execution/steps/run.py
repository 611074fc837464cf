"""The first argument of a step's body: its settings, its arrays and its tracker."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

from numpy.typing import NDArray

from execution.config import RunContext
from execution.orchestration.forecast import Standing, expected_epochs
from execution.steps import compiled
from execution.steps.training import follow
from execution.storage import arrays, layout
from execution.tracking.tracker import Tracker
from experiment.axes import Combination
from experiment.values import ArrayRef, FileRef, Settings
from softmax.sgd import State

S = TypeVar("S", bound=Settings)


class Run(Protocol):
    """One run of a step. Tests call bodies with any object that has these members."""

    tracker: Tracker  # for figures, pictures and texts

    @property
    def config(self) -> dict[str, Any]:
        """The step's settings, read back from the tracker."""

    def settled(self, settings: S) -> S:
        """These settings, read back from the tracker."""

    @property
    def downloads(self) -> Path:
        """The folder for downloaded files."""

    def open(self, ref: ArrayRef) -> NDArray[Any]:
        """An array, read-only; StoreError if it is missing or altered."""

    def put(self, array: NDArray[Any]) -> ArrayRef:
        """Store an array."""

    def put_file(self, content: bytes) -> FileRef:
        """Store the bytes of a file."""

    def follow(self, epochs: Callable[..., Iterator[State]], until: int | None = None) -> State:
        """Run a training (`softmax.sgd.train` without `state` and `stop`) to its end; return its last state.

        `until`: the epoch after which it pauses; None: it runs to its end.
        """


class TaskRun:
    """The `Run` of a Prefect task run: arrays in the sweep's storage, figures with its tracker."""

    def __init__(
        self, execution: RunContext, identity: str, tracker: Tracker, settings: dict[str, Any], limited: bool
    ) -> None:
        self.execution, self.identity, self.tracker, self.limited = execution, identity, tracker, limited
        self.config = {name: tracker.config[name] for name in settings}  # the tracker is the source of truth

    def settled(self, settings: S) -> S:
        return type(settings).model_validate({name: self.config[name] for name in type(settings).model_fields})

    @property
    def downloads(self) -> Path:
        return self.execution.storage.folder(layout.DOWNLOADS)

    def open(self, ref: ArrayRef) -> NDArray[Any]:
        return arrays.open_array(self.execution.storage, ref)

    def put(self, array: NDArray[Any]) -> ArrayRef:
        return arrays.put_array(self.execution.storage, array)

    def put_file(self, content: bytes) -> FileRef:
        return arrays.put_file(self.execution.storage, content)

    def follow(self, epochs: Callable[..., Iterator[State]], until: int | None = None) -> State:
        if self.execution.runner != "threads" and self.config.get("engine") == "numba":
            epochs = compiled.by_one(epochs)
        if self.limited:
            epochs = self.watched(epochs)
        return follow(self.execution, self.identity, self.tracker, epochs, until, limited=self.limited)

    def watched(self, epochs: Callable[..., Iterator[State]]) -> Callable[..., Iterator[State]]:
        """The same epochs; their progress is written to the flow run's state from time to time."""
        flow_run, config = self.execution.state, self.config
        combination = Combination.model_validate({name: config[name] for name in Combination.model_fields})

        def reporting(state: State | None, stop: Callable[[], bool]) -> Iterator[State]:
            before, began = len(state.history) if state else 0, time.monotonic()
            reported = began
            try:
                for latest in epochs(state=state, stop=stop):
                    if (now := time.monotonic()) - reported >= flow_run.seconds_between_looks:
                        losses, reported = [row.val_loss for row in latest.history], now
                        flow_run.stand(
                            self.identity,
                            Standing(
                                combination=combination,
                                seed=config["seed"],
                                epochs=len(losses),
                                before=before,
                                seconds=now - began,
                                expected=expected_epochs(losses, config["patience"], config["max_epochs"]),
                            ),
                        )
                    yield latest
            finally:
                flow_run.end(self.identity)

        return reporting
