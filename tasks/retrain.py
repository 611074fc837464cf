"""Step 7: train the winning combination on all training rows, for its best number of epochs."""

from typing import TYPE_CHECKING

import numpy as np

from execution.steps.run import Run
from execution.steps.step import step
from experiment.errors import Diverged
from experiment.results.trained import Retrained
from experiment.training import epochs
from experiment.values import TrainingSet
from softmax.sgd import permutation

if TYPE_CHECKING:  # the cache key contains their values, not their declarations
    from experiment.axes import Combination
    from experiment.config import Recipe


@step(
    "retrain",
    name="retrain {combination}",
    displayed="best_model_final_training",
    shown={"type": "final_training"},
    also={"epochs": "max_epochs"},
)
def retrain(run: Run, combination: "Combination", seed: int, training: TrainingSet, recipe: "Recipe") -> Retrained:
    """The final model, trained without validation and early stopping; Diverged if its loss is not finite."""
    images, labels = run.open(training.images), run.open(training.labels)
    combination, recipe = run.settled(combination), run.settled(recipe)
    data = images, labels, np.arange(len(labels)), None
    state = run.follow(epochs(data, training.classes, run.config["seed"], combination, recipe))
    permutation.cache_clear()  # no training comes after this one: 100 MB
    trained = len(state.history)
    if state.diverged:
        raise Diverged(
            f"{combination} diverged in the final training, in epoch {trained}: leave its learning rate out of the grid"
        )
    run.tracker.summarize(epochs_trained=trained, train_loss=state.history[-1].train_loss)
    return Retrained(
        combination=combination,
        epochs=trained,
        train_loss=state.history[-1].train_loss,
        W=run.put(state.best.W),
        b=run.put(state.best.b),
        history=run.put(np.array(state.history)),
    )
