"""Step 1: Fashion-MNIST from wherever it can be had, or the user's own four files, verified."""

import hashlib
import logging
from pathlib import Path

from prefect import task
from pydantic import Field

from experiment.caching import determined_by
from experiment.config import Execution
from experiment.decode import Arrays, npy_name
from experiment.results import DataInfo, Dataset, TestSet, TrainingSet
from experiment.sources import fashion_mnist
from experiment.store import Frozen
from experiment.tracking import tracked
from experiment.validate import own_data

log = logging.getLogger("sweep")

CLASS_NAMES: tuple[str, ...] = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


class Source(Frozen):
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


@task(
    task_run_name="download",
    tags=["sweep"],
    cache_policy=determined_by("experiment.sources", "experiment.decode", "experiment.validate"),
    result_serializer="json",
    retries=2,
    retry_delay_seconds=[2, 10],
    retry_jitter_factor=0.5,
)
def download(source: Source, execution: Execution) -> Dataset:
    """Fetch and verify the data and put its four arrays into the store."""
    answers: list[str] = []

    def report(line: str) -> None:
        answers.append(line)
        log.info(line)

    with tracked(execution, "download", source.model_dump()) as run:
        if source.folder is None:
            arrays = fashion_mnist(execution.artifacts / "data", report)
            name, class_names = "fashion-mnist", CLASS_NAMES
        else:
            arrays = own_data(source.folder)
            name = source.folder.name
            class_names = tuple(str(k) for k in range(arrays.train_labels.max() + 1))
        refs = {array: execution.store.put(values) for array, values in arrays._asdict().items()}
        run.summary.update({"train_examples": len(arrays.train_labels), "test_examples": len(arrays.test_labels)})
        return Dataset(
            info=DataInfo(
                name=name,
                class_names=class_names,
                sources=tuple(answers),
                digests={array: ref.digest for array, ref in refs.items()},
            ),
            train=TrainingSet(images=refs["train_images"], labels=refs["train_labels"]),
            test=TestSet(images=refs["test_images"], labels=refs["test_labels"]),
        )
