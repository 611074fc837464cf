"""Step 8: evaluate the final model on the test set, once."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from execution.steps.run import Run
from execution.steps.step import step
from experiment.data.scaling import logits as logits_of
from experiment.results.evaluation import Evaluation
from experiment.results.scaled import ScalingRef
from experiment.results.split import class_frequencies
from experiment.results.trained import Retrained
from experiment.scores import calibration, class_scores
from experiment.values import TestSet, TrainingSet
from softmax.loss import accuracy, cross_entropy, softmax

WORST = 5  # mistakes of each class to show


@step("evaluate")
def evaluate(run: Run, model: Retrained, scaling: ScalingRef, training: TrainingSet, test: TestSet) -> Evaluation:
    """Test metrics and the majority-class baseline. No other step gets a `TestSet`."""
    images, labels = run.open(test.images), run.open(test.labels)
    logits = logits_of(run.open(model.W), run.open(model.b), scaling.loaded(run.open), images)
    probabilities, predicted = np.asarray(softmax(logits), np.float64), logits.argmax(axis=1)
    confusion, correct = np.zeros((logits.shape[1],) * 2, dtype=np.int64), predicted == labels
    np.add.at(confusion, (labels, predicted), 1)
    mistakes = most_wrong(probabilities, predicted, labels)
    worst = mistakes[:, 0].astype(int)
    if test.rows:
        mistakes[:, 0] = run.open(test.rows)[worst]
    evaluation = Evaluation(
        test_loss=cross_entropy(logits, labels),
        test_accuracy=accuracy(logits, labels),
        interval=wilson(int(correct.sum()), len(labels)),
        baseline=class_frequencies(run.open(training.labels), labels),
        class_scores=class_scores(confusion),
        calibration=calibration(probabilities.max(axis=1), correct),
        correct=run.put(correct),
        confusion=run.put(confusion),
        mistakes=run.put(mistakes),
        mistaken=run.put(images[worst]),
    )
    figures = {"test_loss": evaluation.test_loss, "test_accuracy": evaluation.test_accuracy}
    run.tracker.summarize(**model.combination.model_dump(), **figures)
    return evaluation


def most_wrong(
    probabilities: NDArray[np.float64], predicted: NDArray[np.integer], labels: NDArray[np.integer]
) -> NDArray[np.float64]:
    """The `WORST` misclassified rows of each class with the lowest probability of the true class, lowest first.

    (k, 4): row, true class, predicted class, probability of the true class
    """
    probability = probabilities[np.arange(len(labels)), labels]
    wrong = np.flatnonzero(predicted != labels)
    wrong = wrong[np.lexsort((wrong, probability[wrong], labels[wrong]))]
    first_of_class = np.searchsorted(labels[wrong], labels[wrong])
    worst = wrong[np.arange(len(wrong)) - first_of_class < WORST]
    return np.column_stack([worst, labels[worst], predicted[worst], probability[worst]])


def wilson(correct: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a proportion (Wilson, J. Am. Stat. Assoc. 22, 1927).

    It lies within [0, 1], and its coverage is close to `level`. With p = correct / n and the normal quantile z:
    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n).
    """
    z, p = NormalDist().inv_cdf((1 + level) / 2), correct / n
    center, half_width = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (center - half_width) / (1 + z**2 / n), (center + half_width) / (1 + z**2 / n)
