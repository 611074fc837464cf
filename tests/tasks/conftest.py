"""The bodies of the steps, called as the plain functions they are: no server, no W&B, a folder to store in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from execution.steps.step import settings
from execution.storage import arrays
from execution.storage.local import LocalStorage
from experiment.results.split import Baseline, Fold, Split
from experiment.values import Artifact, FoldData, TestSet, TrainingSet
from softmax.sgd import State


class FolderRun:
    """A `Run` that stores to a folder, and the tracker of it, which remembers what it was told."""

    def __init__(self, folder: Path, **inputs: Any) -> None:
        self.storage, self.config = LocalStorage(root=folder), settings(inputs)
        self.downloads, self.tracker = folder / "downloads", self
        self.summary: dict[str, Any] = {}
        self.shown: dict[str, Any] = {}
        self.notes: list[str] = []
        self.artifacts_made: list[Artifact] = []
        self.artifacts_used: list[Artifact] = []

    def settled(self, settings):
        return settings

    def open(self, ref):
        return arrays.open_array(self.storage, ref)

    def put(self, array):
        return arrays.put_array(self.storage, array)

    def put_file(self, content):
        return arrays.put_file(self.storage, content)

    def read(self, file):
        return arrays.read_file(self.storage, file)

    def summarize(self, **figures):
        self.summary |= figures

    def show_table(self, name, frame):
        self.shown[name] = frame

    def show_picture(self, name, png):
        self.shown[name] = png

    def show_bars(self, name, title, values):
        self.shown[name] = values

    def show_confusion(self, name, counts, class_names):
        self.shown[name] = counts

    def note(self, paragraphs):
        self.notes += paragraphs

    def made(self, artifact):
        self.artifacts_made.append(artifact)

    def used(self, artifact):
        self.artifacts_used.append(artifact)

    def follow(self, epochs: Callable[..., Iterator[State]], until: int | None = None) -> State:
        *_, state = epochs(state=None)
        return state


@pytest.fixture
def call(tmp_path):
    """Call the body of a step with these inputs. Gives its result and its run."""

    def call(step, **inputs):
        run = FolderRun(tmp_path, **inputs)
        return step.fn.__wrapped__(run, **inputs), run

    return call


@pytest.fixture
def run(tmp_path):
    """Something to put arrays into the same folder with."""
    return FolderRun(tmp_path)


@pytest.fixture(scope="session")
def inputs() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Handwritten digits in [−0.5, 0.5], and what they are."""
    images, labels = load_digits(return_X_y=True)
    return (images / 16 - 0.5).astype(np.float32), labels.astype(np.int64)


@pytest.fixture
def training(run, inputs):
    images, labels = (array[:300] for array in inputs)
    return TrainingSet(images=run.put(images), labels=run.put(labels), classes=10)


@pytest.fixture
def parts(run):
    fold = Fold(train=run.put(np.arange(240)), validation=run.put(np.arange(240, 300)))
    return Split(folds=(fold,), baseline=Baseline(accuracy=0.1, cross_entropy=2.3))


@pytest.fixture
def fold_data(training, parts):
    return fold_of(training, parts.folds[0])


def fold_of(training: TrainingSet, fold: Fold) -> FoldData:
    return FoldData(**training.model_dump(), **fold.model_dump())


@pytest.fixture
def test_set(run, inputs):
    images, labels = (array[300:500] for array in inputs)
    return TestSet(images=run.put((images + 0.5) * 255), labels=run.put(labels))
