"""The model fitted by scikit-learn is the minimum of our own loss, and stands beside the sweep."""

import numpy as np
import pandas as pd
import pytest

from execution.config import Execution
from experiment.config import Experiment
from experiment.results.split import Fold
from experiment.values import TrainingSet
from flows.sweep import sweep
from softmax.loss import accuracy, cross_entropy, gradient
from tasks.lbfgs import lbfgs
from tests.tasks.conftest import fold_of


@pytest.fixture
def fitted(monkeypatch):
    """Keeps what scikit-learn has fitted."""
    from sklearn.linear_model import LogisticRegression

    models, fit = [], LogisticRegression.fit
    monkeypatch.setattr(LogisticRegression, "fit", lambda self, *data: models.append(self) or fit(self, *data))
    return models


def test_at_its_solution_the_gradient_of_our_loss_vanishes(call, run, fold_data, inputs, fitted):
    result, handle = call(lbfgs, folds=[fold_data], alpha=0.01)
    images, labels = inputs[0].astype(np.float64), inputs[1]
    W, b = fitted[0].coef_.T.astype(np.float64), fitted[0].intercept_.astype(np.float64)
    grad_W, grad_b = gradient(W, b, images[:240], labels[:240], 0.01)
    assert max(np.abs(grad_W).max(), np.abs(grad_b).max()) < 1e-4
    logits = images[240:300] @ W + b
    assert result.val_accuracy == accuracy(logits, labels[240:300])
    assert result.val_cross_entropy == pytest.approx(cross_entropy(logits, labels[240:300]), abs=1e-5)
    assert handle.summary["iterations"] == result.iterations > 1


@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_two_classes_are_judged_as_more_are(call, run, inputs, fitted, alpha):
    two = inputs[1] < 2
    images, labels = inputs[0][two], inputs[1][two]
    raw, fold = TrainingSet(images=run.put(images), labels=run.put(labels), classes=10), np.split(np.arange(300), [200])
    data = fold_of(raw, Fold(train=run.put(fold[0]), validation=run.put(fold[1])))
    result, _ = call(lbfgs, folds=[data], alpha=alpha)
    assert result.val_accuracy == fitted[0].score(images[200:300], labels[200:300]) > 0.95


@pytest.mark.slow
def test_it_stands_beside_the_combinations_and_is_cached(digits, tmp_path, prefect_server):
    experiment = Experiment.model_validate(
        {
            "data_dir": digits,
            "decay": ("none",),
            "folds": 1,
            "learning_rates": (0.5, 0.1),
            "batch_sizes": (64,),
            "alphas": (0.001,),
            "max_epochs": 5,
        }
    )
    execution = Execution(artifacts=tmp_path, wandb_mode="disabled")
    without = sweep(experiment, execution)
    summary = sweep(experiment.model_copy(update={"baseline": True}), execution)
    assert without.lbfgs is None
    assert "lbfgs" not in without.runs
    assert (summary.cached, summary.best, summary.test_loss) == (2, without.best, without.test_loss)
    assert summary.lbfgs is not None
    assert summary.lbfgs["alpha"] == 0.001
    assert summary.lbfgs["val_cross_entropy"] < 1.1 * summary.val_cross_entropy
    table = pd.read_csv(tmp_path / "sweeps" / "latest" / "leaderboard.csv")
    assert table["method"].tolist() == ["SGD", "SGD", "L-BFGS (scikit-learn)"]
    assert table["val_accuracy"][2] == summary.lbfgs["val_accuracy"]
    assert table["wandb_runs"][2] == summary.runs["lbfgs"][0]
    again = sweep(experiment.model_copy(update={"baseline": True}), execution)
    assert again.runs["lbfgs"] == summary.runs["lbfgs"]
