"""Step 2: grey levels 0–255 to inputs in [−0.5, 0.5]."""

from prefect import task

from experiment.caching import determined_by
from experiment.config import Execution
from experiment.results import Normalized, TrainingSet
from experiment.tracking import tracked
from softmax.loss import normalized


@task(
    task_run_name="normalize",
    tags=["sweep"],
    cache_policy=determined_by("softmax.loss"),
    result_serializer="json",
)
def normalize(raw: TrainingSet, execution: Execution) -> Normalized:
    """x / 255 − 0.5, as float32. The test images are normalised by the step that alone may see them."""
    store = execution.store
    with tracked(execution, "normalize", {"formula": "x / 255 - 0.5", "rows": raw.images.shape[0]}) as run:
        images = normalized(store.open(raw.images))
        run.summary.update({"min": float(images.min()), "max": float(images.max())})
        return Normalized(train=TrainingSet(images=store.put(images), labels=raw.labels))
