"""Step 8: the final model on the test set, once."""

import math
from statistics import NormalDist

import numpy as np

from execution.run import Run
from execution.step import step
from experiment.baseline import class_frequencies
from experiment.data.scaling import Scaling
from experiment.model import logits as logits_of
from experiment.results import Evaluation, Retrained, ScalingRef, TestSet, TrainingSet
from softmax.loss import accuracy, cross_entropy


@step("evaluate")
def evaluate(run: Run, model: Retrained, scaling: ScalingRef, training: TrainingSet, test: TestSet) -> Evaluation:
    """Unregularised cross-entropy, accuracy with its interval, confusions. No other step is handed a `TestSet`."""
    labels = run.open(test.labels)
    statistics = run.open(scaling.statistics) if scaling.statistics else None
    logits = logits_of(run.open(model.W), run.open(model.b), Scaling(scaling.kind, statistics), run.open(test.images))
    confusion = np.zeros((logits.shape[1],) * 2, dtype=int)
    np.add.at(confusion, (labels, logits.argmax(axis=1)), 1)
    evaluation = Evaluation(
        test_loss=cross_entropy(logits, labels),
        test_accuracy=accuracy(logits, labels),
        interval=wilson(int(np.trace(confusion)), len(labels)),
        baseline=class_frequencies(run.open(training.labels), labels),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
    )
    run.summarize(**model.combination.model_dump())
    run.summarize(test_loss=evaluation.test_loss, test_accuracy=evaluation.test_accuracy)
    return evaluation


def wilson(correct: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a proportion (Wilson, J. Am. Stat. Assoc. 22, 1927).

    It stays in [0, 1] and near `level`. With p = correct / n and the normal quantile z:
    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n).
    """
    z, p = NormalDist().inv_cdf((1 + level) / 2), correct / n
    middle, reach = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (middle - reach) / (1 + z**2 / n), (middle + reach) / (1 + z**2 / n)
