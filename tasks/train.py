"""Step 5, mapped over the combinations: train one combination with early stopping on the validation rows."""

import math
from typing import TYPE_CHECKING

import numpy as np

from execution.steps.batch import batched
from execution.steps.run import Run
from execution.steps.step import step
from experiment.results.trained import Judged, Trained, class_counts
from experiment.training import epochs
from experiment.values import FoldData
from softmax.sgd import finished, implementation

if TYPE_CHECKING:  # the cache key contains their values, not their declarations
    from experiment.axes import Combination
    from experiment.config import Recipe


@step("train", name="train {combination} seed={seed}", shown={"type": "grid"})
def train(
    run: Run,
    combination: "Combination",
    seed: int,
    fold: int | None,
    data: FoldData,
    recipe: "Recipe",
    *,
    until: int | None,
) -> Trained:
    """The trained combination. A loss that is not finite is a result (`diverged`), not an error.

    `fold` : its number, from 1; None: a single split. `until` : the epoch after which halving pauses; None: the end
    """
    images, labels = run.open(data.images), run.open(data.labels)
    rows, validation_rows = run.open(data.train), run.open(data.validation)
    combination, recipe = run.settled(combination), run.settled(recipe)
    paused = recipe if until is None else recipe.until(until)
    arrays = images, labels, rows, validation_rows
    state = run.follow(epochs(arrays, data.classes, run.config["seed"], combination, paused), until)
    best = state.history[state.best_epoch - 1] if state.best_epoch else None
    cross_entropy = best.val_cross_entropy if best else None
    judged, accuracy = None, None
    if best:
        predicted, losses = implementation(recipe.engine).predictions(*state.best, images, labels, validation_rows)
        counts = class_counts(labels[validation_rows], predicted, data.classes)
        accuracy = sum(correct for *_, correct in counts) / len(validation_rows)
        judged = Judged(counts=counts, predicted=run.put(predicted), losses=run.put(losses))
    run.tracker.summarize(
        final_val_loss=best.val_loss if best else math.nan,
        final_val_cross_entropy=math.nan if cross_entropy is None else cross_entropy,
        final_val_accuracy=accuracy or 0.0,
        epochs_trained=len(state.history),
        best_epoch=state.best_epoch,
        diverged=state.diverged,
    )
    return Trained(
        combination=combination,
        seed=run.config["seed"],
        fold=fold,
        diverged=state.diverged,
        epochs_trained=len(state.history),
        best_epoch=state.best_epoch,
        val_loss=best.val_loss if best else None,
        val_cross_entropy=cross_entropy,
        val_accuracy=accuracy,
        ended=finished(state, recipe.max_epochs, recipe.patience),
        judged=judged,
        W=run.put(state.best.W),
        b=run.put(state.best.b),
        history=run.put(np.array(state.history)),
    )


train_batch = batched(train)
