"""Step 7: the final model on the test set, once."""

from prefect import task

from experiment.caching import determined_by
from experiment.config import Execution
from experiment.results import Evaluation, Retrained, TestSet
from experiment.tracking import tracked
from softmax.loss import accuracy, cross_entropy, normalized


@task(
    task_run_name="evaluate",
    tags=["evaluate"],
    cache_policy=determined_by("softmax.loss"),
    result_serializer="json",
)
def evaluate(model: Retrained, test: TestSet, execution: Execution) -> Evaluation:
    """Unregularised cross-entropy and accuracy. The only step that is handed the test arrays."""
    store = execution.store
    images, labels = normalized(store.open(test.images)), store.open(test.labels)
    with tracked(execution, "evaluate", model.combination.model_dump()) as run:
        logits = images @ store.open(model.W) + store.open(model.b)
        evaluation = Evaluation(
            test_loss=cross_entropy(logits, labels),
            test_accuracy=accuracy(logits, labels),
            examples=len(labels),
        )
        run.summary.update({"test_loss": evaluation.test_loss, "test_accuracy": evaluation.test_accuracy})
    return evaluation
