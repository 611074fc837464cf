"""Step 7: the winning combination on all training rows, for as many epochs as were best."""

from functools import partial

import numpy as np
from prefect import task

from experiment.caching import determined_by
from experiment.code import SOFTMAX
from experiment.config import Combination, Execution, Recipe
from experiment.results import Retrained, TrainingSet
from experiment.tracking import tracked
from experiment.training import examples, follow
from softmax import sgd


@task(
    task_run_name="retrain {combination}",
    tags=["sweep"],
    cache_policy=determined_by(*SOFTMAX, "experiment.training"),
    result_serializer="json",
)
def retrain(
    combination: Combination,
    epochs: int,
    seed: int,
    training: TrainingSet,
    classes: int,
    recipe: Recipe,
    execution: Execution,
) -> Retrained:
    """No validation, no early stopping: nothing is left to choose."""
    store = execution.store
    images, labels = examples(store, training)
    rows = np.arange(len(labels))
    config = {
        **combination.model_dump(),
        **recipe.model_dump(exclude={"patience"}),
        "max_epochs": epochs,
        "seed": seed,
        "type": "final_training",
    }
    with tracked(execution, "retrain", config, name=f"final {combination}") as run:
        settings = {name: run.config[name] for name in config if name != "type"}
        state = follow(run, execution, partial(sgd.train, images, labels, rows, None, classes=classes, **settings))
        if state.diverged:
            raise RuntimeError(
                f"{combination} diverged when trained on all rows, in epoch {len(state.history)}: "
                "leave its learning rate out of the grid"
            )
        run.summary.update({"epochs_trained": epochs, "train_loss": state.history[-1].train_loss})
        return Retrained(
            combination=combination,
            epochs=epochs,
            train_loss=state.history[-1].train_loss,
            W=store.put(state.best.W),
            b=store.put(state.best.b),
            history=store.put(np.array(state.history)),
        )
