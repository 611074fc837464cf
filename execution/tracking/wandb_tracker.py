"""A W&B run as the tracker of a step. Errors in logging are only warnings.

Tables, pictures and charts go into one row of the run's history, which is complete when the run ends.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from execution.config import RunContext
from execution.tracking import media
from execution.tracking.artifacts import version_of
from execution.tracking.mode import harmless
from execution.tracking.tracker import Tracker
from experiment.values import Artifact
from softmax.sgd import Metrics

if TYPE_CHECKING:
    import pandas as pd
    import wandb


class WandbTracker(Tracker):
    """The W&B run of a step, online or offline."""

    def __init__(self, execution: RunContext, run: "wandb.Run") -> None:
        self.execution, self.run, self.config, self.has_epochs = execution, run, dict(run.config), False

    def log_epoch(self, row: Metrics) -> None:
        if not self.has_epochs:
            self.run.define_metric("epoch", hidden=True)
            self.run.define_metric("*", step_metric="epoch")
            self.has_epochs = True
        if row.epoch >= self.run.starting_step:  # a resumed run has earlier ones
            values = {name: value for name, value in row._asdict().items() if value == value or name == "train_loss"}
            self.run.log(values, step=row.epoch, commit=True)

    def summarize(self, **figures: Any) -> None:
        self.run.summary.update(figures)

    def show(self, name: str, make: Callable[[], object]) -> None:
        with harmless(self.execution, f"{name} of run {self.run.id}"):
            self.run.log({name: make()}, commit=False)

    def show_table(self, name: str, frame: "pd.DataFrame") -> None:
        self.show(name, lambda: media.table(frame))

    def show_picture(self, name: str, png: bytes) -> None:
        """Log a picture, byte for byte."""
        with TemporaryDirectory() as folder:  # the client copies the file, and reads its type from the suffix
            self.show(name, lambda: media.picture(Path(folder, f"{name}.png"), png))

    def show_bars(self, name: str, title: str, values: Mapping[str, float]) -> None:
        self.show(name, lambda: media.bars(title, values))

    def show_confusion(self, name: str, counts: NDArray[Any], class_names: Sequence[str]) -> None:
        self.show(name, lambda: media.confusion(counts, class_names))

    def note(self, paragraphs: Sequence[str]) -> None:
        """Add paragraphs to the run's notes, after the user's own, unless a resumed run has them."""
        noted = self.run.notes or ""
        with harmless(self.execution, f"the notes of run {self.run.id}"):
            new = (text for text in paragraphs if text not in noted)
            self.run.notes = "\n\n".join([*([noted] if noted else []), *new])

    def made(self, artifact: Artifact) -> None:
        with harmless(self.execution, f"{artifact.name} of run {self.run.id}"):
            self.run.log_artifact(version_of(self.execution, artifact))

    def used(self, artifact: Artifact) -> None:
        """Record that the step used an artifact.

        `run.use_artifact` waits for the server, and fails offline. This way an offline run records it too.
        """
        with harmless(self.execution, f"{artifact.name} of run {self.run.id}"):
            version = version_of(self.execution, artifact)
            self.run._log_artifact(version, aliases=[], is_user_created=True, use_after_commit=True)
