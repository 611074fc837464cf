"""Cross-validation as the judge, against scikit-learn's on the same folds."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from execution import faults
from execution.config import Execution
from execution.storage.arrays import open_array
from experiment.config import Experiment
from experiment.errors import TrainingFailed
from flows.sweep import sweep
from tests.conftest import model_of

SAME = {"exclude": {"cached", "seconds", "provenance"}}
ALPHAS = (0.3, 0.03)


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    """Three classes of 30 rows that overlap, on scales of their own, and a test part."""
    rng, path = np.random.default_rng(4), tmp_path_factory.mktemp("blobs") / "blobs.npz"
    labels = np.tile(np.arange(3), 50)
    values = (rng.standard_normal((150, 4)) + 1.2 * np.eye(3, 4)[labels]) * [1, 10, 100, 0.1]
    np.savez(path, train_images=values[:90], train_labels=labels[:90], test_images=values[90:], test_labels=labels[90:])
    return path


@pytest.fixture
def experiment(blobs):
    """Trainings that come to the optimum: steps of all 60 rows of three folds."""
    return Experiment(
        data=str(blobs), folds=3, learning_rates=(0.5,), batch_sizes=(60,), alphas=ALPHAS, max_epochs=300,
        patience=300, average=False,
    )  # fmt: skip


@pytest.fixture
def execution(tmp_path, prefect_server):
    return Execution(artifacts=tmp_path / "artifacts", workers=2, wandb_mode="disabled")


def leaderboard(execution):
    return pd.read_csv(execution.artifacts / "sweeps" / "latest" / "leaderboard.csv")


def test_each_fold_is_scikit_learns_and_the_winner_has_the_best_mean(experiment, execution, blobs, found):
    summary = sweep(experiment, execution)
    with np.load(blobs) as data:
        rows, labels = data["train_images"], data["train_labels"]
    folds, means = list(StratifiedKFold(3, shuffle=True, random_state=541).split(rows, labels)), {}
    for candidate in found[0].candidates:
        alpha = candidate.combination.alpha
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / (alpha * 60), tol=1e-8))
        curves = [open_array(execution.storage, run.history) for run in candidate.trained]
        optimum = cross_val_score(model, rows, labels, cv=folds)
        assert [curve[-1, 3] for curve in curves] == pytest.approx(optimum)
        best = [curve[curve[:, 2].argmin()] for curve in curves]
        assert [run.val_accuracy for run in candidate.trained] == [epoch[3] for epoch in best]
        means[alpha] = np.mean([epoch[3] for epoch in best])
        epochs = [epoch[0] for epoch in best]
        assert candidate.best_epoch == round(np.mean(epochs))
        if alpha == summary.best.alpha:
            assert summary.best_epoch == round(np.mean(epochs))
            assert summary.spread["val_accuracy"] == pytest.approx(np.std([epoch[3] for epoch in best], ddof=1))
    assert len(set(means.values())) == len(ALPHAS)
    assert summary.best.alpha == max(means, key=means.get)
    assert summary.val_accuracy == pytest.approx(max(means.values()))
    assert (summary.folds, summary.repeats, summary.seeds, summary.validation_rows) == (3, 1, 1, 90)


def test_the_final_model_is_trained_on_all_rows_and_scaled_by_them(experiment, execution, blobs, found):
    summary = sweep(experiment, execution)
    with np.load(blobs) as data:
        rows, labels = data["train_images"], data["train_labels"]
    model = model_of(execution)
    np.testing.assert_allclose(model["scaling_statistics"], [rows.mean(axis=0), rows.std(axis=0)])
    (first, _) = next(StratifiedKFold(3, shuffle=True, random_state=541).split(rows, labels))
    fold = rows[first]
    np.testing.assert_allclose(
        model["scaling_statistics_best_validation"], [fold.mean(axis=0), fold.std(axis=0)], rtol=1e-6
    )
    winner = next(one for one in found[0].candidates if one.combination == summary.best)
    np.testing.assert_array_equal(model["W_best_validation"], open_array(execution.storage, winner.trained[0].W))
    assert model["best_epoch"] == summary.best_epoch


def test_each_fold_is_cached_by_itself_and_what_failed_goes_on(experiment, execution, monkeypatch):
    monkeypatch.setattr(faults, "_passes", Counter())
    monkeypatch.setenv("SWEEP_FAIL_AT", "train epoch:700")
    with pytest.raises(TrainingFailed, match="1 of 6 trainings failed"):
        sweep(experiment, execution)
    monkeypatch.delenv("SWEEP_FAIL_AT")
    summary = sweep(experiment, execution)
    assert (summary.cached, summary.combinations) == (5, 2)
    again = sweep(experiment, execution)
    assert again.cached == 6
    assert again.model_dump(**SAME) == summary.model_dump(**SAME)
    assert sweep(experiment.model_copy(update={"repeats": 2}), execution).cached == 6
    assert leaderboard(execution)["folds"].tolist() == [6, 6]


def test_halving_and_seeds_go_over_all_folds(experiment, execution, found):
    about = {"learning_rates": (2.0, 0.2, 0.02, 0.002), "alphas": (0.03,), "max_epochs": 20, "seeds": (1, 2)}
    wide = experiment.model_copy(update={**about, "halving": 2, "first_rung": 2})
    summary = sweep(wide, execution)
    assert [len(one.trained) for one in found[0].candidates] == [6] * 4
    stood = {}
    for one in found[0].candidates:
        assert {(run.seed, run.fold) for run in one.trained} == {(seed, k) for seed in (1, 2) for k in (1, 2, 3)}
        curves = [open_array(execution.storage, run.history)[:2] for run in one.trained]
        stood[one.combination] = np.mean([curve[curve[:, 2].argmin(), 3] for curve in curves])
    going = {one.combination for one in found[0].candidates if one.rung}
    assert len(going) == 2
    assert min(stood[one] for one in going) > max(stood[one] for one in stood.keys() - going)
    assert summary.pruned == 3
    assert (summary.seeds, summary.folds) == (2, 3)
    assert leaderboard(execution)["pruned"].sum() == 3
