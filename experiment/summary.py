"""`summary.json`."""

from typing import Any

from experiment.axes import Combination
from experiment.metrics import MetricName
from experiment.results.evaluation import Importance
from experiment.results.split import Judge
from experiment.scores import Calibration, ClassScores
from experiment.values import ArrayRef, Frozen


class Stopped(Frozen):
    """Why a search stopped before all its trials: another batch may gain (95 %) no more than the noise."""

    trials: int  # the most that were to be drawn
    batch: int
    gain: float  # a bound, in the selecting metric: a fraction, or nats
    standard_error: float  # paired, of the best and the one that the bound comes from


class Summary(Frozen):
    """The metrics of a sweep and their provenance."""

    name: str
    data_understood: str = ""  # how a user's own data was understood
    data_note: str  # changes made to the data; "": none
    data_warnings: tuple[str, ...] = ()  # one sentence each
    defaults: str = ""  # default settings that differ from those for Fashion-MNIST
    scaling: str  # the scaling and the reason for it
    best: Combination
    best_epoch: int
    val_accuracy: float
    val_cross_entropy: float  # unregularised, like `test_loss`
    val_loss: float  # regularised, used by early stopping
    stopped_at_max_epochs: bool  # with some seed the winner reached max_epochs before its patience ran out
    select_by: MetricName
    seeds: int  # of the winner; metrics are means over them and over the folds
    folds: int = 1  # of cross-validation; 1: a single split
    repeats: int = 1  # of the folds
    spread: dict[str, float]  # standard deviations of the winner's metrics over seeds and folds; {} for one training
    compared: int  # combinations besides the winner that trained to their end
    within_noise: int  # of these, how many may be as good: `experiment.search.comparison`
    baseline: dict[str, float]  # metrics of always predicting the class frequencies
    lbfgs: dict[str, float] | None  # scikit-learn's result on the same rows, with --baseline
    beats_baseline: bool  # the winner has a higher accuracy and a lower cross-entropy
    test_accuracy: float
    test_accuracy_95: tuple[float, float]  # Wilson's score interval
    test_loss: float
    correct: ArrayRef | None = None  # (n,) bool: whether each test row is classified correctly
    gap: float  # validation accuracy minus test accuracy
    class_accuracy: dict[str, float | None]  # None: no test rows
    class_scores: dict[str, ClassScores]  # precision, recall and F1 on the test rows
    calibration: Calibration  # of the test rows
    validation_rows: int  # of the split, or of all folds of a repeat
    importance: Importance | None  # None: too few combinations
    analysis: tuple[str, ...] = ()  # paragraphs of `report.text.analysis`
    gradient_error: float  # largest relative error of the gradient check
    combinations: int
    sampler: str | None = None  # None: the combinations are the grid
    stopped: Stopped | None = None  # with --stop-when-noise
    earlier: tuple[Combination, ...] = ()  # the combinations of a warm start
    cached: int
    failed: int
    diverged: int
    left: int = 0  # combinations not trained as far as intended, because of the time limit
    pruned: int  # combinations that halving stopped
    epochs_trained: int  # of all trainings, without the retraining
    seconds: float
    files: dict[str, str]  # SHA-256 of each file of the sweep
    runs: dict[str, tuple[str, ...]]  # ids of the runs in W&B and in the cache, by step
    provenance: dict[str, Any]

    @property
    def judge(self) -> Judge:
        return Judge(rows=self.validation_rows, folds=self.folds, repeats=self.repeats)

    @property
    def data(self) -> str:
        """How a user's own data was understood and changed; "" for Fashion-MNIST."""
        return "; ".join(filter(None, (self.data_understood, self.data_note)))
