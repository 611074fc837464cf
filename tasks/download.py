"""Step 1: download and verify Fashion-MNIST, or read the user's own data."""

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
from experiment.values import Settings, TestSet, TrainingSet

log = logging.getLogger("sweep")

CLASS_NAMES: tuple[str, ...] = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
FASHION_MNIST_INFO = DatasetInfo(
    class_names=CLASS_NAMES, class_rows=(6000,) * 10, picture=FASHION_MNIST_PICTURE, own=False
)


class Source(Settings):
    """The source of the data. Files of the user are identified by content, not by path."""

    given: Path | str | None = Field(exclude=True)  # path or name; None: Fashion-MNIST
    content: tuple[str, ...] = ()  # names and SHA-256 of the user's files, or the name of the data set
    label: str | None = None
    seed: int | None = None  # of the split of the test part
    drop: tuple[str, ...] = ()
    missing: Missing | None = None
    pictures: str | None = None

    @property
    def name(self) -> str:
        """The name of the data set; "own-data" for files."""
        return "fashion-mnist" if self.given is None else self.given if isinstance(self.given, str) else "own-data"


def source(experiment: Experiment) -> Source:
    """The source of an experiment's data, with digests of the user's files."""
    given = experiment.own_data
    if given is None:
        return Source(given=None)
    if isinstance(given, str):
        content = [given]
    else:
        given = given.resolve()
        content = [f"{path.name} {digest(path)}" for path in files_of(given)]
    read_by = {name: getattr(experiment, name) for name in ("label", "seed", "drop", "pictures", "missing")}
    return Source(given=given, content=tuple(content), **read_by)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def may_succeed(_task: Any, _run: Any, state: Any) -> bool:
    """Whether a retry may succeed: not if the data itself cannot be used, or nothing can be written."""
    error = state.result(raise_on_failure=False)
    return not isinstance(error, SweepError | OSError) or isinstance(error, Unreachable)


@step("download", retries=2, retry_delay_seconds=[2, 10], retry_jitter_factor=0.5, retry_condition_fn=may_succeed)
def download(run: Run, source: Source) -> Dataset:
    """The verified data set. The answer of each source is logged."""
    new = test_rows = None
    if source.given is None:
        arrays, info = fashion_mnist(run.downloads, log.info), FASHION_MNIST_INFO
    else:
        how = source.label, source.seed or 0, source.drop, source.pictures, source.missing
        arrays, info, test_rows, new = cached_own_data(source.given, *how, downloads=run.downloads)
        PARSED.clear()
        info = FASHION_MNIST_INFO if is_fashion_mnist(arrays) else info
    run.tracker.summarize(train_examples=len(arrays.train_labels), test_examples=len(arrays.test_labels))
    rows = None if test_rows is None else run.put(test_rows)
    data = Dataset(
        name=source.name,
        info=info,
        train=TrainingSet(
            images=run.put(arrays.train_images), labels=run.put(arrays.train_labels), classes=len(info.class_names)
        ),
        test=TestSet(images=run.put(arrays.test_images), labels=run.put(arrays.test_labels), rows=rows),
        new=None if new is None else run.put(new),
    )
    run.tracker.made(data.artifact)
    if source.given is not None:  # after all that may be retried
        log.info("data: %s", "; ".join(filter(None, (info.understood, info.note))))
        for warning in info.warnings:
            log.warning("data: %s", warning)
    return data
