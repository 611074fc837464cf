"""Step 1: Fashion-MNIST from wherever it can be had, or the user's own four files, verified."""

import hashlib
import logging
from pathlib import Path

from pydantic import Field

from execution.run import Run
from execution.step import step
from experiment.data.formats import Arrays, npy_name
from experiment.data.own import own_data
from experiment.data.sources import fashion_mnist
from experiment.results import Dataset, TestSet, TrainingSet
from experiment.values import Settings

log = logging.getLogger("sweep")

CLASS_NAMES: tuple[str, ...] = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


class Source(Settings):
    """Where the data comes from, and what it is: a user's folder counts by its content, not by its path."""

    folder: Path | None = Field(exclude=True)  # None: Fashion-MNIST
    content: tuple[str, ...]  # SHA-256 of the user's files


def source(data_dir: Path | None) -> Source:
    """Look at the user's files, if any, so that the cache notices when they change."""
    if data_dir is None:
        return Source(folder=None, content=())
    digests = []
    for array in Arrays._fields:
        with (data_dir / npy_name(array)).open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return Source(folder=data_dir.resolve(), content=tuple(digests))


@step("download", retries=2, retry_delay_seconds=[2, 10], retry_jitter_factor=0.5)
def download(run: Run, source: Source) -> Dataset:
    """Fetch and verify the data and keep its four arrays. What each source answered goes to the log."""
    if source.folder is None:
        arrays, class_names = fashion_mnist(run.downloads, log.info), CLASS_NAMES
    else:
        arrays = own_data(source.folder)
        class_names = tuple(str(k) for k in range(arrays.train_labels.max() + 1))
    run.summarize(train_examples=len(arrays.train_labels), test_examples=len(arrays.test_labels))
    return Dataset(
        class_names=class_names,
        train=TrainingSet(images=run.put(arrays.train_images), labels=run.put(arrays.train_labels)),
        test=TestSet(images=run.put(arrays.test_images), labels=run.put(arrays.test_labels)),
    )
