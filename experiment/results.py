"""What the steps hand to each other: small, immutable, JSON. Arrays are referred to, not carried."""

import math
from statistics import fmean
from typing import Any

from pydantic import Field

from experiment.caching import identity
from experiment.config import Combination
from experiment.store import ArrayRef, Frozen


class Result(Frozen):
    """Of a step. Its identity names its cache entry, its checkpoint and its W&B run; it is in no cache key."""

    wandb_run: str = Field(default_factory=identity)


class Examples(Frozen):
    """n rows of images and their labels."""

    images: ArrayRef  # (n, m)
    labels: ArrayRef  # (n,) int64 in 0 … c − 1


class TrainingSet(Examples):
    """What every step may see."""


class TestSet(Examples):
    """Handed to the evaluate step alone."""

    __test__ = False  # not a pytest class


class DataInfo(Frozen):
    """What is known of the data without looking at it."""

    name: str
    class_names: tuple[str, ...]  # c of them
    sources: tuple[str, ...]  # what each source of the data answered
    digests: dict[str, str]  # of the four arrays

    @property
    def classes(self) -> int:
        return len(self.class_names)


class Dataset(Result):
    info: DataInfo
    train: TrainingSet
    test: TestSet


class Normalized(Result):
    train: TrainingSet


class Split(Result):
    """Row indices into the training set: two disjoint int64 arrays that together cover it."""

    train: ArrayRef
    validation: ArrayRef


class Trained(Result):
    """One combination, trained. Loss and accuracy are those of the returned (best) parameters."""

    combination: Combination
    seed: int
    diverged: bool
    epochs_trained: int
    best_epoch: int  # 0: no epoch with a finite loss
    val_loss: float | None  # regularised; None when diverged before the first finite one
    val_accuracy: float | None
    W: ArrayRef  # (m, c) float32
    b: ArrayRef  # (c,) float32
    history: ArrayRef  # (epochs, 4) float64: epoch, train_loss, val_loss, val_accuracy


class Candidate(Frozen):
    """One combination under all its seeds; figures are means over them."""

    combination: Combination
    trained: tuple[Trained, ...]

    @property
    def diverged(self) -> bool:
        return any(run.diverged for run in self.trained)

    @property
    def val_accuracy(self) -> float:
        return fmean(run.val_accuracy or 0.0 for run in self.trained)

    @property
    def val_loss(self) -> float:
        return fmean(math.inf if run.val_loss is None else run.val_loss for run in self.trained)

    @property
    def best_epoch(self) -> int:
        return round(fmean(run.best_epoch for run in self.trained))


class Selection(Result):
    """All combinations, best first; those that diverged last."""

    ranking: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate:
        return self.ranking[0]


class Retrained(Result):
    """The winning combination, trained on all training rows."""

    combination: Combination
    epochs: int
    train_loss: float  # regularised, as seen in the last epoch
    W: ArrayRef
    b: ArrayRef
    history: ArrayRef  # (epochs, 4) as in Trained, validation columns NaN


class GradientCheck(Result):
    relative_errors: dict[str, float]  # as `softmax.check.relative_errors` gives them


class Evaluation(Result):
    """The one look at the test set."""

    test_loss: float  # unregularised cross-entropy, nats
    test_accuracy: float  # fraction correct
    interval: tuple[float, float]  # 95 % of the accuracy, Wilson's score interval
    confusion: tuple[tuple[int, ...], ...]  # c × c: rows are true classes, columns predicted ones

    @property
    def class_accuracy(self) -> tuple[float, ...]:
        """Of each true class, the fraction predicted right."""
        return tuple(row[k] / max(sum(row), 1) for k, row in enumerate(self.confusion))


class Summary(Frozen):
    """`summary.json`."""

    name: str
    best: Combination
    best_epoch: int
    val_accuracy: float
    val_loss: float
    test_accuracy: float
    test_accuracy_95: tuple[float, float]  # Wilson's score interval
    test_loss: float
    gap: float  # validation accuracy minus test accuracy
    class_accuracy: dict[str, float]
    importance: dict[str, float]  # share of the variance of validation accuracy that each hyperparameter explains
    gradient_error: float  # the worst relative error that the gradient check found
    combinations: int
    cached: int
    failed: int
    diverged: int
    seconds: float
    files: dict[str, str]  # SHA-256 of each file beside it
    runs: dict[str, tuple[str, ...]]  # by step, what its runs are called in W&B and in the cache
    provenance: dict[str, Any]
