"""What the body of a step is handed beside its inputs: where arrays are, where figures go."""

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
    """Of one step. Anything with these members will do to call a body with."""

    tracker: Tracker  # where figures, pictures and words are shown

    @property
    def config(self) -> dict[str, Any]:
        """The step's settings, as the tracker has them."""

    def settled(self, settings: S) -> S:
        """Return these settings as the tracker has them."""

    @property
    def downloads(self) -> Path:
        """The folder for files as their sources gave them."""

    def open(self, ref: ArrayRef) -> NDArray[Any]:
        """Return an array, read-only; StoreError if it is not what it was."""

    def put(self, array: NDArray[Any]) -> ArrayRef:
        """Keep an array."""

    def put_file(self, content: bytes) -> FileRef:
        """Keep the bytes of a file."""

    def follow(self, epochs: Callable[..., Iterator[State]], until: int | None = None) -> State:
        """Drive a training (`softmax.sgd.train` but for `state` and `stop`) to its end; return its last state.

        `until`: the epoch after which it pauses, to go on later; None: it goes to its end.
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
        """Return the same epochs, of which the flow run hears now and then."""
        flow_run, config = self.execution.state, self.config
        combination = Combination.model_validate({name: config[name] for name in Combination.model_fields})

        def heard(state: State | None, stop: Callable[[], bool]) -> Iterator[State]:
            before, began = len(state.history) if state else 0, time.monotonic()
            said = began
            try:
                for latest in epochs(state=state, stop=stop):
                    if (now := time.monotonic()) - said >= flow_run.seconds_between_looks:
                        losses, said = [row.val_loss for row in latest.history], now
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

        return heard
