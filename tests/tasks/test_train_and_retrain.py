"""Training one combination, and the winner on all rows, against a loop in float64."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from experiment.axes import Combination
from experiment.config import Recipe
from experiment.errors import Diverged
from experiment.results.trained import class_counts
from experiment.search.replay import Recorded
from softmax import sgd
from tasks.retrain import retrain
from tasks.train import train

COMBINATION = Combination(learning_rate=0.2, batch_size=16, alpha=0.01)
RECIPE = Recipe(max_epochs=6, patience=6, average=False, nesterov=False, horizon=6, engine="numba")
WILD = Combination(learning_rate=1e30, batch_size=16, alpha=1.0)


def loop(images, labels, rows, seed, epochs):
    """Float64 SGD in a plain loop. Yields W and b after each epoch."""
    W, b = (np.array(p, dtype=np.float64) for p in sgd.initial_parameters(64, 10, seed))
    for epoch in range(1, epochs + 1):
        order = rows[sgd.permutation(seed, epoch, len(rows))]
        for start in range(0, len(order), 16):
            x, y = images[order[start : start + 16]], labels[order[start : start + 16]]
            e = np.exp(x @ W + b)
            error = e / e.sum(axis=1, keepdims=True) - np.eye(10)[y]
            W, b = W - 0.2 * (x.T @ error / len(x) + 0.01 * W), b - 0.2 * error.mean(axis=0)
        yield W, b


def test_the_best_epoch_and_its_figures_are_those_of_a_plain_loop(call, run, fold_data, inputs):
    images, labels = inputs
    result, handle = call(train, combination=COMBINATION, seed=7, fold=None, data=fold_data, recipe=RECIPE, until=None)
    losses, accuracies, weights, right = [], [], [], []
    for W, b in loop(images, labels, np.arange(240), 7, 6):
        e = np.exp(images[240:300] @ W + b)
        losses.append(log_loss(labels[240:300], e / e.sum(axis=1, keepdims=True)) + 0.005 * (W**2).sum())
        right.append(e.argmax(axis=1) == labels[240:300])
        accuracies.append(np.mean(right[-1]))
        weights.append(W)
    best = int(np.argmin(losses))
    assert (result.best_epoch, result.epochs_trained, result.diverged) == (best + 1, 6, False)
    assert result.val_loss == pytest.approx(losses[best], abs=1e-5)
    assert result.val_accuracy == accuracies[best]
    assert result.val_cross_entropy == pytest.approx(losses[best] - 0.005 * (weights[best] ** 2).sum(), abs=1e-5)
    np.testing.assert_array_equal(run.open(result.judged.predicted) == labels[240:300], right[best])
    assert run.open(result.judged.losses).mean() == pytest.approx(result.val_cross_entropy, abs=1e-5)
    assert result.judged.counts == class_counts(labels[240:300], run.open(result.judged.predicted), 10)
    assert result.ended
    np.testing.assert_allclose(run.open(result.W), weights[best], atol=1e-4)
    np.testing.assert_allclose(run.open(result.history)[:, 2], losses, atol=1e-5)
    assert handle.summary["final_val_loss"] == result.val_loss
    assert handle.summary["best_epoch"] == result.best_epoch
    assert handle.config == {
        "learning_rate": 0.2, "batch_size": 16, "alpha": 0.01, "seed": 7, "max_epochs": 6, "patience": 6,
        "average": False, "engine": "numba", "momentum": 0.0, "decay": "none",
        "optimizer": "sgd", "nesterov": False, "horizon": 6,
    }  # fmt: skip


def test_divergence_is_a_result(call, fold_data):
    result, handle = call(train, combination=WILD, seed=7, fold=None, data=fold_data, recipe=RECIPE, until=None)
    assert result.diverged
    assert handle.summary["diverged"]


def test_retraining_takes_all_rows_and_the_epochs_it_is_told(call, run, training, inputs):
    result, handle = call(retrain, combination=COMBINATION, seed=7, training=training, recipe=RECIPE.for_exactly(4))
    assert sgd.permutation.cache.currsize == 0
    *_, (W, b) = loop(inputs[0], inputs[1], np.arange(300), 7, 4)
    assert result.epochs == 4
    np.testing.assert_allclose(run.open(result.W), W, atol=1e-4)
    np.testing.assert_allclose(run.open(result.b), b, atol=1e-4)
    assert np.isnan(run.open(result.history)[:, 2:]).all()
    assert handle.summary["epochs_trained"] == 4


def test_a_final_training_that_diverges_is_an_error(call, training):
    with pytest.raises(Diverged, match=r"lr=1e\+30 .* leave its learning rate out"):
        call(retrain, combination=WILD, seed=7, training=training, recipe=RECIPE.for_exactly(4))


@pytest.mark.parametrize(("engine", "patience"), [("numba", 4), ("numpy", 4), ("numba", None)])
@pytest.mark.parametrize("rate", [2.0, 1e30], ids=["uneven", "diverging"])
def test_a_replay_pauses_at_each_epoch_where_the_step_does_to_the_bit(call, run, fold_data, rate, engine, patience):
    recipe = Recipe(max_epochs=12, patience=patience, average=False, nesterov=False, horizon=12, engine=engine)
    combination = COMBINATION.model_copy(update={"learning_rate": rate})
    inputs = {"combination": combination, "seed": 7, "fold": None, "data": fold_data, "recipe": recipe}
    whole, _ = call(train, **inputs, until=None)
    recorded = Recorded(whole, run.open(whole.history))
    for epoch in range(1, 13):
        paused, _ = call(train, **inputs, until=epoch)
        left_out = {"W", "b", "history", "judged"}
        assert recorded.until(epoch, patience).model_dump(exclude=left_out) == paused.model_dump(exclude=left_out)
