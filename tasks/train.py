"""Step 5, mapped over the grid: train one combination, with early stopping on the validation rows."""

import math
from functools import partial

import numpy as np
from prefect import task

from experiment.caching import determined_by
from experiment.code import SOFTMAX
from experiment.config import Combination, Execution, Recipe
from experiment.results import Split, Trained, TrainingSet
from experiment.tracking import tracked
from experiment.training import examples, follow
from softmax import sgd


@task(
    task_run_name="train {combination} seed={seed}",
    tags=["sweep"],
    cache_policy=determined_by(*SOFTMAX, "experiment.training"),
    result_serializer="json",
)
def train(
    combination: Combination,
    seed: int,
    training: TrainingSet,
    split: Split,
    classes: int,
    recipe: Recipe,
    execution: Execution,
) -> Trained:
    """A combination whose loss stops being finite is recorded as diverged; that is a result, not a failure."""
    store = execution.store
    images, labels = examples(store, training)
    rows, validation_rows = store.open(split.train), store.open(split.validation)
    config = {**combination.model_dump(), **recipe.model_dump(), "seed": seed, "type": "grid"}
    with tracked(execution, "train", config, name=str(combination)) as run:
        settings = {name: run.config[name] for name in config if name != "type"}
        state = follow(
            run,
            execution,
            partial(sgd.train, images, labels, rows, validation_rows, classes=classes, **settings),
        )
        best = state.history[state.best_epoch - 1] if state.best_epoch else None
        run.summary.update(
            {
                "final_val_loss": best.val_loss if best else math.nan,
                "final_val_accuracy": best.val_accuracy if best else 0.0,
                "epochs_trained": len(state.history),
                "best_epoch": state.best_epoch,
                "diverged": state.diverged,
            }
        )
        return Trained(
            combination=combination,
            seed=seed,
            diverged=state.diverged,
            epochs_trained=len(state.history),
            best_epoch=state.best_epoch,
            val_loss=best.val_loss if best else None,
            val_accuracy=best.val_accuracy if best else None,
            W=store.put(state.best.W),
            b=store.put(state.best.b),
            history=store.put(np.array(state.history)),
        )
