"""The DAG on a small real problem: real Prefect server, real offline W&B runs, against an independent loop."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from experiment.errors import EveryCombinationDiverged
from flows.sweep import sweep
from softmax import sgd
from tests.conftest import model_of
from tests.flows import task_runs
from tests.offline import offline_runs
from tests.patience import until

GRID = {
    "decay": ("none",),
    "folds": 1,
    "learning_rates": (0.5, 0.1),
    "batch_sizes": (16, 64),
    "alphas": (0.0, 0.01),
    "max_epochs": 8,
    "patience": 8,
}
STEPS = ["download", "scale", "split", "check_gradients", "select", "retrain", "evaluate", "analyse", "report"]


def textbook(images, labels, rows, learning_rate, batch_size, alpha, epochs):
    """Float64 SGD in a plain loop. Yields W and b after each epoch."""
    W, b = (np.array(p, dtype=np.float64) for p in sgd.initial_parameters(64, 10, 541))
    for epoch in range(1, epochs + 1):
        order = rows[sgd.permutation(541, epoch, len(rows))]
        for start in range(0, len(order), batch_size):
            x, y = images[order[start : start + batch_size]], labels[order[start : start + batch_size]]
            e = np.exp(x @ W + b)
            error = e / e.sum(axis=1, keepdims=True) - np.eye(10)[y]
            W, b = W - learning_rate * (x.T @ error / len(x) + alpha * W), b - learning_rate * error.mean(axis=0)
        yield W, b


def test_the_results_are_those_of_a_plain_numpy_loop(swept, digits):
    experiment, execution, summary = swept
    images, labels, test_images, test_labels = (
        np.load(digits / f"fashion_mnist_{name}.npy")
        for name in ("train_images", "train_labels", "test_images", "test_labels")
    )
    images, test_images = (x.reshape(-1, 64) / 255 - 0.5 for x in (images, test_images))
    train, validation = train_test_split(np.arange(len(labels)), test_size=0.2, random_state=541, stratify=labels)
    x, y = images[validation], labels[validation]
    outcomes = []
    table = pd.read_csv(execution.artifacts / "sweeps" / "latest" / "leaderboard.csv")
    assert len(table) == 8
    for combination in experiment.combinations:
        losses = []
        for W, b in textbook(images, labels, train, **combination.nondefault(), epochs=8):
            e = np.exp(x @ W + b)
            cross_entropy = log_loss(y, e / e.sum(axis=1, keepdims=True))
            loss = cross_entropy + combination.alpha / 2 * (W**2).sum()
            losses.append((loss, np.mean(e.argmax(axis=1) == y), cross_entropy))
        epoch = int(np.argmin([loss for loss, *_ in losses]))
        (found,) = table[
            (table[list(combination.nondefault())] == list(combination.nondefault().values())).all(axis=1)
        ].itertuples()
        assert found.best_epoch == epoch + 1
        assert found.val_loss == pytest.approx(losses[epoch][0], abs=1e-5)
        assert found.val_accuracy == losses[epoch][1]
        assert found.val_cross_entropy == pytest.approx(losses[epoch][2], abs=1e-5)
        outcomes.append((losses[epoch][1], -losses[epoch][2], epoch + 1, combination))
    accuracy, negative_cross_entropy, best_epoch, best = max(outcomes, key=lambda outcome: outcome[:2])
    assert (summary.best, summary.best_epoch, summary.val_accuracy) == (best, best_epoch, accuracy)
    assert summary.val_cross_entropy == pytest.approx(-negative_cross_entropy, abs=1e-5)
    assert summary.stopped_at_max_epochs  # after 8, with a patience of 8

    *_, (W, b) = textbook(images, labels, np.arange(len(labels)), **summary.best.nondefault(), epochs=best_epoch)
    model = model_of(execution)
    np.testing.assert_allclose(model["W"], W, atol=1e-4)
    logits = test_images @ W + b
    assert summary.test_accuracy == np.mean(logits.argmax(axis=1) == test_labels)
    e = np.exp(logits)
    assert summary.test_loss == pytest.approx(log_loss(test_labels, e / e.sum(axis=1, keepdims=True)), abs=1e-5)
    assert {name: float(model[name]) for name in ("learning_rate", "batch_size", "alpha", "test_loss")} == {
        **summary.best.nondefault(), "test_loss": summary.test_loss,
    }  # fmt: skip


def test_every_task_run_has_one_wandb_run_with_its_config_and_rows(swept):
    _, execution, summary = swept
    runs = offline_runs(execution.artifacts)
    assert Counter(run.job_type for run in runs) == Counter({**dict.fromkeys(STEPS, 1), "train": 8})
    assert len({run.id for run in runs}) == len(runs)
    assert {run.group for run in runs} == {summary.name}
    assert {run.exit_code for run in runs} == {0}
    assert len({run.config["prefect_task_run_id"] for run in runs}) == len(runs)
    table = pd.read_csv(execution.artifacts / "sweeps" / "latest" / "leaderboard.csv").set_index("wandb_runs")
    for run in runs:
        if run.job_type == "train":
            found = table.loc[run.id]
            for name in ("learning_rate", "batch_size", "alpha"):
                assert run.config[name] == found[name]
            assert [row["epoch"] for row in run.rows] == list(range(1, found["epochs_trained"] + 1))
            assert all({"epoch", "val_loss", "val_accuracy", "train_loss"} <= row.keys() for row in run.rows)
            assert run.rows[found["best_epoch"] - 1]["val_loss"] == run.summary["final_val_loss"] == found["val_loss"]
            assert run.summary["final_val_accuracy"] == found["val_accuracy"]
            assert run.summary["epochs_trained"] == found["epochs_trained"]
    of = {run.job_type: run for run in runs}
    assert of["retrain"].config["type"] == "final_training"
    assert [row["epoch"] for row in of["retrain"].rows] == list(range(1, summary.best_epoch + 1))
    assert of["evaluate"].summary["test_accuracy"] == summary.test_accuracy
    assert of["evaluate"].summary["test_loss"] == summary.test_loss


def test_prefect_knows_every_step_by_a_readable_name_and_its_wandb_run(swept):
    _, execution, summary = swept
    runs = {run.config["prefect_task_run_id"]: run for run in offline_runs(execution.artifacts)}
    (flow_run,) = {run.config["prefect_flow_run_id"] for run in runs.values()}
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(flow_run).state.is_completed()

        def every_run_is_logged():
            logs = client.read_logs(LogFilter(task_run_id={"any_": list(runs)}), limit=200)
            return all(
                any(str(entry.task_run_id) == task_run and run.id in entry.message for entry in logs)
                for task_run, run in runs.items()
            )

        until(every_run_is_logged)  # Prefect sends log lines now and then
    known = task_runs.ended(flow_run, count=len(runs))
    assert {str(task_run.id) for task_run in known} == runs.keys()
    names = {task_run.name for task_run in known}
    assert {"download", "split", "train lr=0.1 batch=64 alpha=0.01 seed=541", f"retrain {summary.best}"} <= names


def test_a_sweep_leaves_everything_a_person_needs(swept):
    _, execution, summary = swept
    folder = execution.artifacts / "sweeps" / "latest"
    assert folder.resolve().name == summary.name
    assert {path.name for path in folder.iterdir()} == {
        "summary.json", "leaderboard.csv", "model.npz", "weights.png", "confusion.png", "learning_curves.png",
        "parallel_coordinates.png", "report.html", "config.toml",
    }  # fmt: skip
    written = json.loads((folder / "summary.json").read_text())
    assert written["best"] == summary.best.model_dump()
    assert written["combinations"] == 8
    assert written["provenance"]["experiment"]["max_epochs"] == 8
    for picture in folder.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert not list((execution.artifacts / "checkpoints").glob("*"))


def test_a_combination_that_diverges_is_recorded_ranked_last_and_stops_nothing(experiment, execution):
    wild = experiment.model_copy(update={"learning_rates": (1e30, 0.1), "alphas": (1.0,), "batch_sizes": (64,)})
    summary = sweep(wild, execution)
    assert summary.diverged == 1
    table = pd.read_csv(execution.artifacts / "sweeps" / "latest" / "leaderboard.csv")
    assert table["diverged"].tolist() == [False, True]
    assert table["within_noise"].tolist() == [True, False]
    assert summary.importance is None


def test_if_every_combination_diverges_the_flow_fails_and_says_so(experiment, execution):
    wild = experiment.model_copy(update={"learning_rates": (1e30,), "alphas": (1.0,), "batch_sizes": (16, 64)})
    with pytest.raises(EveryCombinationDiverged, match=r"each of the 2 combinations diverged.*smaller learning rates"):
        sweep(wild, execution)


def test_features_give_no_picture_of_weights_though_a_square_number(experiment, execution, digits, tmp_path):
    folder = tmp_path / "rows"
    folder.mkdir()
    for path in digits.iterdir():
        array = np.load(path)
        np.save(folder / path.name, array.reshape(len(array), -1) if array.ndim == 3 else array)
    summary = sweep(experiment.model_copy(update={"data_dir": folder, "alphas": (0.0,)}), execution)
    assert not (execution.artifacts / "sweeps" / "latest" / "weights.png").exists()
    assert summary.scaling.startswith("standardize")
    assert "if they are pictures: --pictures 8x8" in summary.data_understood


def test_selection_can_go_by_cross_entropy_without_the_penalty(experiment, execution):
    sweep(experiment.model_copy(update={"select_by": "val_loss", "alphas": (0.1, 0.0)}), execution)
    table = pd.read_csv(execution.artifacts / "sweeps" / "latest" / "leaderboard.csv")
    assert table["val_cross_entropy"].is_monotonic_increasing
    assert (table["val_loss"] > table["val_cross_entropy"]).tolist() == (table["alpha"] > 0).tolist()
