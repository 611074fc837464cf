"""Step 3: the training rows in two, one part to train on and one to validate on."""

from prefect import task

from experiment.caching import determined_by
from experiment.config import Execution
from experiment.results import Split, TrainingSet
from experiment.split import split_rows
from experiment.tracking import tracked


@task(
    task_run_name="split",
    tags=["sweep"],
    cache_policy=determined_by("experiment.split"),
    result_serializer="json",
)
def split(training: TrainingSet, validation_fraction: float, seed: int, execution: Execution) -> Split:
    """Two arrays of row indices; no image is copied."""
    store = execution.store
    config = {"validation_fraction": validation_fraction, "seed": seed}
    with tracked(execution, "split", config) as run:
        rows = split_rows(store.open(training.labels), run.config["validation_fraction"], run.config["seed"])
        run.summary.update({"train_rows": len(rows.train), "validation_rows": len(rows.validation)})
        return Split(train=store.put(rows.train), validation=store.put(rows.validation))
