"""A W&B run as the tracker of a step. Errors in logging are only warnings.

Tables, pictures and charts go into one row of the run's history, which is complete when the run ends. Data and models
are W&B artifacts, with versions, and which was made from which. An array is recorded only by its digest and never sent;
a file is sent. W&B makes no second version of the same content, so steps and runs that are repeated add none.
"""

import hashlib
import math
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from execution.config import RunContext
from execution.storage import arrays
from execution.tracking.mode import harmless
from execution.tracking.tracker import Tracker
from experiment.values import ArrayRef, Artifact
from softmax.sgd import Metrics

if TYPE_CHECKING:
    import pandas as pd
    import wandb
    from wandb.plot.custom_chart import CustomChart

ROWS = 10_000  # of a table: W&B shows no more
LONGEST = 128  # characters of an artifact's name


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
        self.show(name, lambda: table(frame))

    def show_picture(self, name: str, png: bytes) -> None:
        """Log a picture, byte for byte."""
        import wandb

        with TemporaryDirectory() as folder:  # the client copies the file, and reads its type from the suffix
            path = Path(folder, f"{name}.png")
            path.write_bytes(png)
            self.show(name, lambda: wandb.Image(path))

    def show_bars(self, name: str, title: str, values: Mapping[str, float]) -> None:
        import wandb

        rows: list[Iterable[Any]] = [list(item) for item in values.items()]
        self.show(name, lambda: wandb.plot.bar(wandb.Table(["name", "value"], rows), "name", "value", title))

    def show_confusion(self, name: str, counts: NDArray[Any], class_names: Sequence[str]) -> None:
        self.show(name, lambda: confusion(counts, class_names))

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
        # `run.use_artifact` waits for the server, and fails offline. This way an offline run records it too.
        with harmless(self.execution, f"{artifact.name} of run {self.run.id}"):
            version = version_of(self.execution, artifact)
            self.run._log_artifact(version, aliases=[], is_user_created=True, use_after_commit=True)


def table(frame: "pd.DataFrame") -> "wandb.Table":
    """A table in which NaN and infinity are empty, as W&B's tables do not support them."""
    import wandb

    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return wandb.Table(columns=list(frame.columns), data=[[finite(value) for value in row] for row in rows])


def finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def confusion(counts: NDArray[Any], class_names: Sequence[str]) -> "CustomChart":
    """W&B's own chart of `counts` (c, c), rows are true classes; for many classes only pairs that occurred."""
    import wandb

    columns = "Actual", "Predicted", "nPredictions"
    every = counts.size <= ROWS
    data: list[Iterable[Any]] = [
        [class_names[true], class_names[predicted], int(count)]
        for true, row in enumerate(counts)
        for predicted, count in enumerate(row)
        if every or count
    ]
    return wandb.plot_table(
        "wandb/confusion_matrix/v1",
        wandb.Table(columns=list(columns), data=data),
        {column: column for column in columns},
        {"title": "Confusion matrix of the test set"},
    )


def keep_artifacts(run: "wandb.Run", portable: bool) -> None:
    """Make a run write its artifacts, including those of its tables, to its own file, as offline runs do.

    By default an online run gives them only to the server, so a run that ends offline would lose them; and for each it
    first asks the server for up to 20 s whether its type is correct.

    `portable` : the files are copied into an offline run's folder, since another machine will send it
    """

    def publish(artifact: "wandb.Artifact", aliases: list[str] | None = None, **about: Any) -> "wandb.Artifact":
        artifact.finalize()
        if portable and run.offline:
            take_along(run, artifact)
        flags = {name: about.get(name, False) for name in ("is_user_created", "use_after_commit")}
        run._interface.publish_artifact(run, artifact, ["latest"] if aliases is None else aliases, **flags)  # type: ignore[union-attr]
        return artifact

    # Runs and tables log by this method, which has no setting for either.
    run._log_artifact = publish  # type: ignore[method-assign,assignment]


def take_along(run: "wandb.Run", artifact: "wandb.Artifact") -> None:
    """Copy an artifact's files into its run's folder; refer to them relative to the one in which `flows sync` runs."""
    folder = Path(run.dir).parent / "artifacts"
    for entry in artifact.manifest.entries.values():
        if entry.local_path:
            folder.mkdir(exist_ok=True)
            taken = folder / hashlib.sha256(f"{artifact.name} {entry.path}".encode()).hexdigest()[:16]
            shutil.copyfile(entry.local_path, taken)
            entry.local_path = f"offline-run-{run.id}/artifacts/{taken.name}"


def version_of(execution: RunContext, artifact: Artifact) -> "wandb.Artifact":
    """The artifact as an object of W&B's client."""
    import wandb
    from wandb.sdk.artifacts.artifact_manifest_entry import ArtifactManifestEntry

    name = re.sub(r"[^\w.-]+", "-", artifact.name, flags=re.ASCII)[:LONGEST]
    version = wandb.Artifact(name, artifact.kind, metadata=artifact.about)
    for called, ref in artifact.contents.items():
        if isinstance(ref, ArrayRef):
            # `add_reference` does the same, but warns of an unknown scheme.
            version.manifest.add_entry(ArtifactManifestEntry(path=called, ref=ref.digest, digest=ref.digest))
        else:
            path = arrays.verified(execution.storage, arrays.key_of(ref.digest))
            version.add_file(str(path), called, policy="immutable", skip_cache=True)  # without a copy
    return version
