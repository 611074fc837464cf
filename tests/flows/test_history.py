"""Nights: each is remembered, and says what has changed."""

import csv

import numpy as np

from execution.outputs.history import news
from flows.sweep import sweep
from tests.flows.task_runs import newest

BEFORE = {
    "finished": "2026-01-01 02:00:00", "best": "lr=0.1 batch=8 alpha=0", "best_epoch": "7", "val_accuracy": "0.9",
    "val_loss": "0.3", "test_accuracy": "0.88", "test_loss": "0.35",
}  # fmt: skip


def remembered(execution):
    with (execution.artifacts / "sweeps" / "history.csv").open() as file:
        return list(csv.DictReader(file))


def last_message(execution):
    return newest(execution.artifacts).state.message


def test_a_night_without_news_adds_a_line_and_no_file(summary, experiment, execution):
    kept = {path for path in execution.artifacts.rglob("*") if path.is_file() and "wandb" not in path.parts}
    sweep(experiment, execution)
    after = {path for path in execution.artifacts.rglob("*") if path.is_file() and "wandb" not in path.parts}
    assert after == kept
    first, second = remembered(execution)
    assert (first["cached"], second["cached"]) == ("0", "8")
    assert float(second["test_accuracy"]) == summary.test_accuracy
    assert "changed" not in last_message(execution)


def test_a_night_whose_data_changed_says_how_the_figures_did(summary, experiment, execution, digits, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for path in digits.iterdir():
        np.save(folder / path.name, np.load(path))
    moved = experiment.model_copy(update={"data_dir": folder})
    sweep(moved, execution)
    assert "changed" not in last_message(execution)
    labels = np.load(folder / "fashion_mnist_test_labels.npy")
    np.save(folder / "fashion_mnist_test_labels.npy", (labels + 1) % 10)
    worse = sweep(moved, execution)
    state = newest(execution.artifacts).state
    assert state.name == "News"
    assert state.message.startswith("data changed: ")
    assert f"test accuracy {summary.test_accuracy:.2%} → {worse.test_accuracy:.2%}" in state.message
    assert "new champion: the data changed" in state.message
    assert len(remembered(execution)) == 3
    np.save(folder / "fashion_mnist_test_labels.npy", labels)
    sweep(moved, execution)
    assert "champion" not in last_message(execution)  # on these rows it was already


def test_news_are_what_changed_and_the_figures_that_differ():
    assert news(BEFORE, BEFORE | {"finished": "later"}) == ""
    assert news(BEFORE, BEFORE | {"val_accuracy": "0.90000001", "code": "other"}) == ""
    changed = BEFORE | {"best": "lr=0.5 batch=8 alpha=0", "test_loss": "0.34666666"}
    figures = (
        "best lr=0.1 batch=8 alpha=0 → lr=0.5 batch=8 alpha=0; test loss 0.3500 → 0.3467; since 2026-01-01 02:00:00"
    )
    assert news(BEFORE, changed) == figures
    origins = {"experiment": "a", "data": "b", "code": "c", "packages": "d"}
    assert news(BEFORE | origins, changed | origins) == f"same data, settings, code and packages: {figures}"
    assert news(BEFORE | origins, changed | origins | {"data": "x", "code": "y"}) == f"data, code changed: {figures}"
