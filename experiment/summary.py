"""`summary.json`."""

from typing import Any

from experiment.axes import Combination
from experiment.metrics import MetricName
from experiment.scores import Calibration, ClassScores
from experiment.values import Frozen


class Importance(Frozen):
    """How much of the variance of validation accuracy the hyperparameters explain (`report.importance`)."""

    method: str
    shares: dict[str, float]  # by effect: a hyperparameter alone, two together ("a × b"), "the rest"
    intervals: dict[str, tuple[float, float]]  # 95 % of the shares on resamples of the validation rows
    beyond_noise: tuple[str, ...]  # the effects that are larger than what chance gives
    lead: float  # the fraction of resamples in which the largest share alone is the largest
    certain: bool  # the hyperparameter with it mattered most


class Summary(Frozen):
    """A sweep's figures, and where they came from."""

    name: str
    data_understood: str = ""  # what the columns and labels of a user's own data were taken for
    data_note: str  # what was done to the data before anything else, "" if nothing
    data_warnings: tuple[str, ...] = ()  # what whoever uses the data should know, a sentence each
    defaults: str = ""  # what was left out and is other than for Fashion-MNIST
    scaling: str  # how features became inputs, and why
    best: Combination
    best_epoch: int
    val_accuracy: float
    val_cross_entropy: float  # unregularised, as is `test_loss`
    val_loss: float  # regularised, by which trainings stop
    stopped_at_max_epochs: bool  # the winner, under some seed: it had not waited out its patience
    select_by: MetricName
    seeds: int  # the winner was trained under; figures are means
    spread: dict[str, float]  # standard deviations of the winner's figures over the seeds, by name; {} under one seed
    compared: int  # combinations other than the winner that came to their end
    within_noise: int  # those of them that may be as good: `experiment.search.comparison`
    baseline: dict[str, float]  # always answering with the class frequencies, on validation and test rows
    lbfgs: dict[str, float] | None  # scikit-learn's, on the same rows, if it was asked for
    beats_baseline: bool  # the winner is more accurate than that, with less cross-entropy
    test_accuracy: float
    test_accuracy_95: tuple[float, float]  # Wilson's score interval
    test_loss: float
    gap: float  # validation accuracy minus test accuracy
    class_accuracy: dict[str, float | None]  # None: no test rows
    class_scores: dict[str, ClassScores]  # precision, recall and F1 on the test rows
    calibration: Calibration  # of the test rows
    validation_rows: int
    importance: Importance | None  # None: there is no figure
    analysis: tuple[str, ...] = ()  # the same in words, a paragraph each: `report.text.analysis`
    gradient_error: float  # the worst relative error that the gradient check found
    combinations: int
    sampler: str | None = None  # that drew them; None: they are the grid
    earlier: tuple[Combination, ...] = ()  # those of them that a warm start began from
    cached: int
    failed: int
    diverged: int
    left: int = 0  # combinations that time did not suffice for, as far as they were to go
    pruned: int  # by halving, before they had come to their end
    epochs_trained: int  # of all trainings, the retraining left out
    seconds: float
    files: dict[str, str]  # SHA-256 of each file beside it
    runs: dict[str, tuple[str, ...]]  # by step, what its runs are called in W&B and in the cache
    provenance: dict[str, Any]

    @property
    def data(self) -> str:
        """How a user's own data were understood, and what was done to them; "" if there is nothing to say."""
        return "; ".join(filter(None, (self.data_understood, self.data_note)))
