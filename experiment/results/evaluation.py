"""The result of `evaluate`."""

from experiment.results.split import Baseline
from experiment.scores import Calibration, ClassScores
from experiment.values import ArrayRef, Result


class Evaluation(Result):
    """Test metrics and the majority-class baseline."""

    test_loss: float  # unregularised cross-entropy, nats
    test_accuracy: float  # fraction correct
    interval: tuple[float, float]  # 95 % interval of the accuracy (Wilson's score interval)
    baseline: Baseline
    class_accuracy: tuple[float | None, ...]  # recall of each class; None: no rows
    class_scores: tuple[ClassScores, ...]
    calibration: Calibration
    confusion: ArrayRef  # (c, c) int64: rows are true classes, columns predicted ones
    mistakes: (
        ArrayRef  # (k, 4) float64: row in the user's test file, true and predicted class, probability of the former
    )
    mistaken: ArrayRef  # (k, m), the unscaled features of these rows
