"""Step 8: the final model on the test set, once."""

import numpy as np
from prefect import task

from experiment.caching import determined_by
from experiment.config import Execution
from experiment.results import Evaluation, Retrained, TestSet
from experiment.tracking import tracked
from softmax.loss import accuracy, cross_entropy, normalized


@task(
    task_run_name="evaluate",
    tags=["sweep"],
    cache_policy=determined_by("softmax.loss"),
    result_serializer="json",
)
def evaluate(model: Retrained, test: TestSet, execution: Execution) -> Evaluation:
    """Unregularised cross-entropy, accuracy with its interval, confusions. No other step is handed a `TestSet`."""
    from scipy.stats import binomtest  # slow to import, and mostly cached

    store = execution.store
    images, labels = normalized(store.open(test.images)), store.open(test.labels)
    with tracked(execution, "evaluate", model.combination.model_dump()) as run:
        logits = images @ store.open(model.W) + store.open(model.b)
        confusion = np.zeros((logits.shape[1],) * 2, dtype=int)
        np.add.at(confusion, (labels, logits.argmax(axis=1)), 1)
        interval = binomtest(int(np.trace(confusion)), len(labels)).proportion_ci(0.95, method="wilson")
        evaluation = Evaluation(
            test_loss=cross_entropy(logits, labels),
            test_accuracy=accuracy(logits, labels),
            interval=(interval.low, interval.high),
            confusion=tuple(tuple(row) for row in confusion.tolist()),
        )
        run.summary.update({"test_loss": evaluation.test_loss, "test_accuracy": evaluation.test_accuracy})
        return evaluation
