"""The results of `evaluate` and `analyse`."""

from experiment.results.split import Baseline
from experiment.scores import Calibration, ClassScores
from experiment.values import ArrayRef, Frozen, Result


class Evaluation(Result):
    """Test metrics and the majority-class baseline."""

    test_loss: float  # unregularised cross-entropy, nats
    test_accuracy: float  # fraction correct
    interval: tuple[float, float]  # 95 % interval of the accuracy (Wilson's score interval)
    baseline: Baseline
    class_scores: tuple[ClassScores, ...]
    calibration: Calibration
    correct: ArrayRef  # (n,) bool: whether each test row is classified correctly
    confusion: ArrayRef  # (c, c) int64: rows are true classes, columns predicted ones
    mistakes: (
        ArrayRef  # (k, 4) float64: row in the user's test file, true and predicted class, probability of the former
    )
    mistaken: ArrayRef  # (k, m), the unscaled features of these rows


class Importance(Frozen):
    """How much of the variance of validation accuracy the hyperparameters explain (`report.importance`)."""

    method: str
    shares: dict[str, float]  # by effect: a hyperparameter alone, two together ("a × b"), "the rest"
    intervals: dict[str, tuple[float, float]]  # 95 % of the shares on resamples of the validation rows
    beyond_noise: tuple[str, ...]  # the effects that are larger than noise
    lead: float  # the fraction of resamples in which the hyperparameter with the largest share has the largest
    certain: bool  # that hyperparameter mattered most, beyond noise


class Analysis(Result):
    """The importance of the hyperparameters, and the written analysis."""

    importance: Importance | None  # None: too few combinations
    paragraphs: tuple[str, ...]
