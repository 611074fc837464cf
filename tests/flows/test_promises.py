"""What must hold by construction: who sees the test set, what several seeds mean, what a wrong gradient does."""

import importlib
import inspect
import json
import threading
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pandas as pd
import pytest
from prefect import Task
from prefect.context import TaskRunContext
from scipy.stats import norm
from sklearn.metrics import confusion_matrix

from execution.config import Execution
from execution.storage import arrays
from experiment.config import Experiment
from experiment.errors import WrongGradient
from experiment.results.dataset import Dataset
from experiment.values import TestSet
from flows.sweep import sweep
from softmax import loss as loss_module
from softmax import reference
from tests.conftest import PROJECT, model_of
from tests.trainings import train

GRID = {
    "decay": ("none",),
    "folds": 1,
    "learning_rates": (0.5, 0.1),
    "batch_sizes": (64,),
    "alphas": (0.0,),
    "max_epochs": 4,
}


@pytest.fixture
def execution(tmp_path, prefect_server):
    return Execution(artifacts=tmp_path / "artifacts", wandb_mode="disabled")


def every_task():
    modules = [importlib.import_module(f"tasks.{path.stem}") for path in sorted((PROJECT / "tasks").glob("[a-z]*.py"))]
    return [value for module in modules for value in vars(module).values() if isinstance(value, Task)]


def test_evaluate_is_the_only_step_that_takes_a_test_set():
    takers = {
        task.fn.__name__
        for task in every_task()
        for parameter in inspect.signature(task.fn).parameters.values()
        if parameter.annotation in (TestSet, Dataset)
    }
    assert len(every_task()) == 13  # trainings in batches are a task of their own
    assert takers == {"evaluate"}


def test_the_test_arrays_are_opened_once_each_and_by_evaluate_alone(digits, execution, monkeypatch):
    opened, opening, lock = [], arrays.open_array, threading.Lock()

    def spy(storage, ref):
        context = TaskRunContext.get()
        with lock:
            opened.append((ref.digest, context.task.fn.__name__))
        return opening(storage, ref)

    monkeypatch.setattr(arrays, "open_array", spy)
    summary = sweep(Experiment(data_dir=digits, **GRID), execution)
    of_test = {summary.provenance["data"]["digests"][f"test_{kind}"] for kind in ("images", "labels")}
    assert sorted(opened_by for opened_by in opened if opened_by[0] in of_test) == sorted(
        (digest, "evaluate") for digest in of_test
    )


def test_a_wrong_gradient_stops_the_flow_before_anything_is_trained(digits, execution, monkeypatch):
    right = loss_module.gradient

    def wrong(W, b, images, labels, alpha):
        grad_W, grad_b = right(W, b, images, labels, alpha)
        return grad_W - alpha * W, grad_b  # forgets the penalty

    monkeypatch.setattr(reference, "gradient", wrong)
    with pytest.raises(WrongGradient, match=r"numpy has a relative error .* Nothing was trained"):
        sweep(Experiment(data_dir=digits, **GRID | {"alphas": (1.0,)}), execution)
    assert not list((execution.artifacts / "sweeps").glob("*"))


def test_under_several_seeds_the_leaderboard_shows_and_selects_by_means(digits, execution):
    seeds = (541, 542, 543)
    together = sweep(Experiment(data_dir=digits, **GRID, seeds=seeds), execution)
    table = pd.read_csv(execution.artifacts / "sweeps" / "latest" / "leaderboard.csv")
    alone = []
    for seed in seeds:  # all cached: the split is by `seed`, which stays
        sweep(Experiment(data_dir=digits, **GRID, seeds=(seed,)), execution)
        alone.append(pd.read_csv(execution.artifacts / "sweeps" / "latest" / "leaderboard.csv"))
    for row in table.itertuples():
        accuracies = [one.set_index("learning_rate").val_accuracy[row.learning_rate] for one in alone]
        assert row.val_accuracy == pytest.approx(fmean(accuracies))
        assert row.val_accuracy_std == pytest.approx(stdev(accuracies))
        assert row.seeds == 3
    assert table.val_accuracy.is_monotonic_decreasing
    assert (table.behind_best[0], table.behind_best_se[0], bool(table.within_noise[0])) == (0, 0, True)
    assert table.behind_best[1] == pytest.approx(table.val_accuracy[0] - table.val_accuracy[1])
    assert together.best.learning_rate == table.learning_rate[0]
    assert "val_accuracy_std" not in alone[0]


def test_the_test_figure_comes_with_its_uncertainty(digits, execution):
    summary = sweep(Experiment(data_dir=digits, **GRID), execution)
    folder = execution.artifacts / "sweeps" / "latest"
    labels = np.load(digits / "fashion_mnist_test_labels.npy")
    images = np.load(digits / "fashion_mnist_test_images.npy").reshape(-1, 64) / 255 - 0.5
    with np.load(folder / "model.npz", allow_pickle=False) as model:
        predicted = (images @ model["W"] + model["b"]).argmax(axis=1)
    n, p, z = len(labels), summary.test_accuracy, norm.ppf(0.975)  # Wilson 1927, equation (1)
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert summary.test_accuracy_95 == pytest.approx(
        ((centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n))
    )
    counts = confusion_matrix(labels, predicted)
    assert list(summary.class_accuracy.values()) == pytest.approx(np.diag(counts) / counts.sum(axis=1))
    assert summary.gap == pytest.approx(summary.val_accuracy - summary.test_accuracy)
    assert (folder / "confusion.png").exists()


def test_both_engines_choose_the_same_winner(digits, execution):
    compiled, readable = (sweep(Experiment(data_dir=digits, **GRID, engine=e), execution) for e in ("numba", "numpy"))
    assert readable.cached == 0
    assert (readable.best, readable.best_epoch) == (compiled.best, compiled.best_epoch)
    assert readable.test_loss == pytest.approx(compiled.test_loss, abs=1e-5)


def test_averaging_is_carried_through_to_the_end(digits, execution):
    plain = sweep(Experiment(data_dir=digits, **GRID, average=False), execution)
    averaged = sweep(Experiment(data_dir=digits, **GRID), execution)
    assert averaged.cached == 0
    assert averaged.test_loss != plain.test_loss


def test_nothing_in_the_artifacts_is_a_pickle(digits, execution):
    sweep(Experiment(data_dir=digits, **GRID), execution.model_copy(update={"wandb_mode": "offline"}))
    for path in (execution.artifacts / "cache").iterdir():
        json.loads(path.read_text())
    files = [path for path in Path(execution.artifacts).rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if path.read_bytes()[:1] == b"\x80"]


def test_under_several_seeds_the_first_one_is_that_of_the_final_model(digits, execution):
    seeds = (7, 541)
    sweep(Experiment(data_dir=digits, **GRID, seeds=seeds, average=False), execution)
    images, labels = (np.load(digits / f"fashion_mnist_train_{kind}.npy") for kind in ("images", "labels"))
    model = model_of(execution)
    settings = {name: model[name].item() for name in ("learning_rate", "batch_size", "alpha")}
    *_, state = train(
        loss_module.normalized(images.reshape(len(images), -1)), labels, np.arange(len(labels)), None, classes=10,
        seed=7, max_epochs=model["best_epoch"].item(), **settings,
    )  # fmt: skip
    np.testing.assert_allclose(model["W"], state.last.W, atol=1e-6)
