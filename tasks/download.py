"""Step 1: Fashion-MNIST from wherever it can be had, or the user's own data, verified."""

import hashlib
import logging
from pathlib import Path
from typing import Any

from pydantic import Field

from execution.fetch.sources import fashion_mnist
from execution.steps.run import Run
from execution.steps.step import step
from experiment.config import Experiment
from experiment.data.formats import FASHION_MNIST_PICTURE, is_fashion_mnist
from experiment.data.own import PARSED, cached_own_data, files_of
from experiment.data.scaling import Missing
from experiment.errors import SweepError, Unreachable
from experiment.results.dataset import Dataset, DatasetInfo
from experiment.results.examples import TestSet, TrainingSet
from experiment.values import Settings

log = logging.getLogger("sweep")

CLASS_NAMES: tuple[str, ...] = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
ITS_INFO = DatasetInfo(class_names=CLASS_NAMES, picture=FASHION_MNIST_PICTURE, own=False)


class Source(Settings):
    """Where the data comes from, and what it is: a user's files count by their content, not by their path."""

    given: Path | str | None = Field(exclude=True)  # files or a name; None: Fashion-MNIST
    content: tuple[str, ...] = ()  # SHA-256 of the user's files, or the name
    label: str | None = None
    seed: int | None = None  # of the test part, where it is split off
    drop: tuple[str, ...] = ()
    missing: Missing | None = None
    pictures: str | None = None

    @property
    def name(self) -> str:
        """What the data set is called, if it has a name: files have none, for only their content counts."""
        return "fashion-mnist" if self.given is None else self.given if isinstance(self.given, str) else "own-data"


def source(experiment: Experiment) -> Source:
    """Look at the user's files, if any, so that the cache notices when they change."""
    given = experiment.own_data
    if given is None:
        return Source(given=None)
    if isinstance(given, str):
        content = [given]
    else:
        given = given.resolve()
        content = [f"{path.name} {digest(path)}" for path in files_of(given)]
    return Source(
        given=given, content=tuple(content), label=experiment.label, seed=experiment.seed, drop=experiment.drop,
        pictures=experiment.pictures, missing=experiment.missing,
    )  # fmt: skip


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def may_pass(_task: Any, _run: Any, state: Any) -> bool:
    """Return whether trying again may help: not with data that are there and cannot be used."""
    error = state.result(raise_on_failure=False)
    return not isinstance(error, SweepError) or isinstance(error, Unreachable)


@step("download", retries=2, retry_delay_seconds=[2, 10], retry_jitter_factor=0.5, retry_condition_fn=may_pass)
def download(run: Run, source: Source) -> Dataset:
    """Fetch and verify the data and keep its four arrays. What each source answered goes to the log."""
    new = test_rows = None
    if source.given is None:
        arrays, info = fashion_mnist(run.downloads, log.info), ITS_INFO
    else:
        own = cached_own_data(
            source.given, source.label, source.seed or 0, source.drop, source.pictures, source.missing,
            downloads=run.downloads,
        )  # fmt: skip
        PARSED.clear()
        arrays, new, test_rows = own.arrays, own.new, own.test_rows
        fields = DatasetInfo.model_fields.keys() & own._fields
        info = ITS_INFO if is_fashion_mnist(arrays) else DatasetInfo(**{name: getattr(own, name) for name in fields})
    run.tracker.summarize(train_examples=len(arrays.train_labels), test_examples=len(arrays.test_labels))
    data = Dataset(
        name=source.name,
        info=info,
        train=TrainingSet(images=run.put(arrays.train_images), labels=run.put(arrays.train_labels)),
        test=TestSet(
            images=run.put(arrays.test_images),
            labels=run.put(arrays.test_labels),
            rows=None if test_rows is None else run.put(test_rows),
        ),
        new=None if new is None else run.put(new),
    )
    run.tracker.made(data.artifact)
    if source.given is not None:  # here, for what goes wrong above is tried again
        log.info("data: %s", "; ".join(filter(None, (info.understood, info.note))))
        for warning in info.warnings:
            log.warning("data: %s", warning)
    return data
