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
    beyond_noise: tuple[str, ...]  # the effects that are larger than noise
    lead: float  # the fraction of resamples in which the hyperparameter with the largest share has the largest
    certain: bool  # that hyperparameter mattered most, beyond noise


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
    seeds: int  # of the winner; metrics are means over them
    spread: dict[str, float]  # standard deviations of the winner's metrics over the seeds; {} for one seed
    compared: int  # combinations besides the winner that trained to their end
    within_noise: int  # of these, how many may be as good: `experiment.search.comparison`
    baseline: dict[str, float]  # metrics of always predicting the class frequencies
    lbfgs: dict[str, float] | None  # scikit-learn's result on the same rows, with --baseline
    beats_baseline: bool  # the winner has a higher accuracy and a lower cross-entropy
    test_accuracy: float
    test_accuracy_95: tuple[float, float]  # Wilson's score interval
    test_loss: float
    gap: float  # validation accuracy minus test accuracy
    class_accuracy: dict[str, float | None]  # None: no test rows
    class_scores: dict[str, ClassScores]  # precision, recall and F1 on the test rows
    calibration: Calibration  # of the test rows
    validation_rows: int
    importance: Importance | None  # None: too few combinations
    analysis: tuple[str, ...] = ()  # paragraphs of `report.text.analysis`
    gradient_error: float  # largest relative error of the gradient check
    combinations: int
    sampler: str | None = None  # None: the combinations are the grid
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
    def data(self) -> str:
        """How a user's own data was understood and changed; "" for Fashion-MNIST."""
        return "; ".join(filter(None, (self.data_understood, self.data_note)))
