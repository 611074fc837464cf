"""What `evaluate` returns."""

from experiment.results.split import Baseline
from experiment.scores import Calibration, ClassScores
from experiment.values import ArrayRef, Result


class Evaluation(Result):
    """The one look at the test set."""

    test_loss: float  # unregularised cross-entropy, nats
    test_accuracy: float  # fraction correct
    interval: tuple[float, float]  # 95 % of the accuracy, Wilson's score interval
    baseline: Baseline
    class_accuracy: tuple[float | None, ...]  # of each true class, the fraction predicted right; None: no rows
    class_scores: tuple[ClassScores, ...]
    calibration: Calibration
    confusion: ArrayRef  # (c, c) int64: rows are true classes, columns predicted ones
    mistakes: (
        ArrayRef  # (k, 4) float64: row of the user's test file, true class, predicted one, probability of the true one
    )
    mistaken: ArrayRef  # (k, m), those rows as the data has them
