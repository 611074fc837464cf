"""`summary.json`."""

from typing import Any

from experiment.axes import Combination
from experiment.values import Frozen


class Summary(Frozen):
    """A sweep's figures, and where they came from."""

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
