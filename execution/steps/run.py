"""What the body of a step is handed beside its inputs: where arrays are, where figures go."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from numpy.typing import NDArray

from execution.config import RunContext
from execution.orchestration.forecast import Standing, expected_epochs
from execution.steps import compiled
from execution.steps.training import follow
from execution.storage import arrays, layout
from execution.tracking import media
from execution.tracking.artifacts import log_artifact
from experiment.axes import Combination
from experiment.values import ArrayRef, Artifact, FileRef, Settings
from softmax.sgd import State

if TYPE_CHECKING:
    import pandas as pd
    import wandb


S = TypeVar("S", bound=Settings)


class Run(Protocol):
    """Of one step. Anything with these methods will do to call a body with."""

    @property
    def config(self) -> dict[str, Any]:
        """The step's settings, as W&B has them."""

    def settled(self, settings: S) -> S:
        """Return these settings as W&B has them."""

    @property
    def downloads(self) -> Path:
        """The folder for files as their sources gave them."""

    def open(self, ref: ArrayRef) -> NDArray[Any]:
        """Return an array, read-only; StoreError if it is not what it was."""

    def put(self, array: NDArray[Any]) -> ArrayRef:
        """Keep an array."""

    def put_file(self, content: bytes) -> FileRef:
        """Keep the bytes of a file."""

    def summarize(self, **figures: Any) -> None:
        """Show figures of the step in W&B."""

    def show_table(self, name: str, frame: "pd.DataFrame") -> None:
        """Show a table there."""

    def show_picture(self, name: str, png: bytes) -> None:
        """Show a picture there."""

    def show_bars(self, name: str, title: str, values: Mapping[str, float]) -> None:
        """Show values there, a bar each."""

    def show_confusion(self, name: str, counts: NDArray[Any], class_names: Sequence[str]) -> None:
        """Show there how often each true class (row) was taken for which (column)."""

    def note(self, paragraphs: Sequence[str]) -> None:
        """Say there what came out."""

    def made(self, artifact: Artifact) -> None:
        """Record there that the step made something that has versions."""

    def used(self, artifact: Artifact) -> None:
        """Record there that the step used something that has versions."""

    def follow(self, epochs: Callable[..., Iterator[State]], until: int | None = None) -> State:
        """Drive a training (`softmax.sgd.train` but for `state` and `stop`) to its end; return its last state.

        `until`: the epoch after which it pauses, to go on later; None: it goes to its end.
        """


class TaskRun:
    """The `Run` of a Prefect task run: arrays in the sweep's storage, figures in the task's W&B run."""

    def __init__(
        self, execution: RunContext, identity: str, tracked: "wandb.Run", settings: dict[str, Any], limited: bool
    ) -> None:
        self.execution, self.identity, self.tracked, self.limited = execution, identity, tracked, limited
        self.config = {name: tracked.config[name] for name in settings}  # W&B is the source of truth

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

    def summarize(self, **figures: Any) -> None:
        self.tracked.summary.update(figures)

    def show_table(self, name: str, frame: "pd.DataFrame") -> None:
        media.show(self.execution, self.tracked, name, lambda: media.table(frame))

    def show_picture(self, name: str, png: bytes) -> None:
        media.show_picture(self.execution, self.tracked, name, png)

    def show_bars(self, name: str, title: str, values: Mapping[str, float]) -> None:
        media.show(self.execution, self.tracked, name, lambda: media.bars(title, values))

    def show_confusion(self, name: str, counts: NDArray[Any], class_names: Sequence[str]) -> None:
        media.show(self.execution, self.tracked, name, lambda: media.confusion(counts, class_names))

    def note(self, paragraphs: Sequence[str]) -> None:
        media.note(self.execution, self.tracked, paragraphs)

    def made(self, artifact: Artifact) -> None:
        log_artifact(self.execution, self.tracked, artifact, made=True)

    def used(self, artifact: Artifact) -> None:
        log_artifact(self.execution, self.tracked, artifact, made=False)

    def follow(self, epochs: Callable[..., Iterator[State]], until: int | None = None) -> State:
        if self.execution.runner != "threads" and self.config.get("engine") == "numba":
            epochs = compiled.by_one(epochs)
        if self.limited:
            epochs = self.watched(epochs)
        return follow(self.execution, self.identity, self.tracked, epochs, until, limited=self.limited)

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
