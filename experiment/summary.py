"""`summary.json`."""

from typing import Any

from experiment.axes import Combination
from experiment.scores import Calibration, ClassScores
from experiment.values import Frozen


class Summary(Frozen):
    """A sweep's figures, and where they came from."""

    name: str
    data_understood: str = ""  # what the columns and labels of a user's own data were taken for
    data_note: str  # what was done to the data before anything else, "" if nothing
    data_warnings: tuple[str, ...] = ()  # what whoever uses the data should know, a sentence each
    scaling: str  # how features became inputs, and why
    best: Combination
    best_epoch: int
    val_accuracy: float
    val_cross_entropy: float  # unregularised, as is `test_loss`
    val_loss: float  # regularised, by which trainings stop
    stopped_at_max_epochs: bool  # the winner, under some seed: it had not waited out its patience
    within_noise: int  # combinations other than the winner that may be as accurate: `experiment.search.comparison`
    baseline: dict[str, float]  # always answering with the class frequencies, on validation and test rows
    lbfgs: dict[str, float] | None  # scikit-learn's, on the same rows, if it was asked for
    beats_baseline: bool  # some combination is more accurate than that, with less cross-entropy
    test_accuracy: float
    test_accuracy_95: tuple[float, float]  # Wilson's score interval
    test_loss: float
    gap: float  # validation accuracy minus test accuracy
    class_accuracy: dict[str, float | None]  # None: no test rows
    class_scores: dict[str, ClassScores]  # precision, recall and F1 on the test rows
    calibration: Calibration  # of the test rows
    importance: dict[str, float]  # shares of the variance of validation accuracy: `report.importance`
    analysis: tuple[str, ...] = ()  # the same in words, a paragraph each: `report.text.analysis`
    gradient_error: float  # the worst relative error that the gradient check found
    combinations: int
    sampler: str | None = None  # that drew them; None: they are the grid
    earlier: tuple[Combination, ...] = ()  # those of them that a warm start began from
    cached: int
    failed: int
    diverged: int
    left: int = (
        0  # combinations that the time limit was too short for: trained less far than they were to, or not at all
    )
    pruned: int  # by halving, before their end
    epochs_trained: int  # of all trainings, the retraining left out
    seconds: float
    files: dict[str, str]  # SHA-256 of each file beside it
    runs: dict[str, tuple[str, ...]]  # by step, what its runs are called in W&B and in the cache
    provenance: dict[str, Any]
