"""What the steps hand to each other: small, immutable, JSON. Arrays are referred to, not carried."""

import math
from statistics import fmean
from typing import Any

from pydantic import Field

from experiment.config import Combination
from experiment.store import ArrayRef, Frozen


class Examples(Frozen):
    """n rows of images and their labels."""

    images: ArrayRef  # (n, m)
    labels: ArrayRef  # (n,) int64 in 0 … c − 1


class TrainingSet(Examples):
    """What every step but the last may see."""


class TestSet(Examples):
    """Handed to the evaluate step alone."""

    __test__ = False  # not a pytest class


class Dataset(Frozen):
    name: str
    class_names: tuple[str, ...]  # c of them
    train: TrainingSet
    test: TestSet
    provenance: tuple[str, ...]  # what each source of the data answered

    @property
    def classes(self) -> int:
        return len(self.class_names)


class Split(Frozen):
    """Row indices into the training set: two disjoint int64 arrays that together cover it."""

    train: ArrayRef
    validation: ArrayRef


class Trained(Frozen):
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
    wandb_run: str = Field(description="Identity of this training: cache entry, checkpoint and W&B run")


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


class Selection(Frozen):
    """All combinations, best first; those that diverged last."""

    ranking: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate:
        return self.ranking[0]


class Retrained(Frozen):
    """The winning combination, trained on all training rows."""

    combination: Combination
    epochs: int
    train_loss: float  # regularised, as seen in the last epoch
    W: ArrayRef
    b: ArrayRef
    history: ArrayRef  # (epochs, 4) as in Trained, validation columns NaN


class Evaluation(Frozen):
    """The one look at the test set."""

    test_loss: float  # unregularised cross-entropy, nats
    test_accuracy: float  # fraction correct
    examples: int


class Summary(Frozen):
    """`summary.json`."""

    name: str
    best: Combination
    best_epoch: int
    val_accuracy: float
    val_loss: float
    test_accuracy: float
    test_loss: float
    combinations: int
    cached: int
    failed: int
    diverged: int
    seconds: float
    provenance: dict[str, Any]
