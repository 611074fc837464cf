"""A sweep names its own runs, whatever it took from the cache; so `clean` takes nothing from under it."""

import csv

import numpy as np
import pytest
from sklearn.datasets import load_iris

from execution.config import Execution
from execution.outputs import retention
from experiment.config import Experiment
from experiment.data.formats import npy_name
from flows.sweep import sweep
from tests.offline import offline_runs

pytestmark = pytest.mark.slow

STEPS = {"download", "scale", "split", "check_gradients", "train", "select", "retrain", "evaluate", "analyse", "report"}


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """A data set of a moment, as grey levels."""
    folder = tmp_path_factory.mktemp("flowers")
    images, labels = load_iris(return_X_y=True)
    images = (images * 30).astype(np.uint8)
    for side, rows in (("train", np.arange(len(labels)) % 4 != 0), ("test", np.arange(len(labels)) % 4 == 0)):
        np.save(folder / npy_name(f"{side}_images"), images[rows])
        np.save(folder / npy_name(f"{side}_labels"), labels[rows])
    return folder


def check(folder, artifacts, first, second):
    """Sweep twice, keep only the second, and run that again."""
    execution = Execution(artifacts=artifacts, workers=2)
    grid = {
        "data_dir": folder,
        "decay": ("none",),
        "folds": 1,
        "learning_rates": (0.1, 0.01),
        "batch_sizes": (16,),
        "alphas": (0.0,),
    }
    sweep(Experiment(**grid, **first), execution)
    summary = sweep(Experiment(**grid, **second), execution)

    storage = execution.storage
    assert summary.runs.keys() == STEPS
    identities = {identity for runs in summary.runs.values() for identity in runs}
    tracked = {run.id: run for run in offline_runs(artifacts)}
    assert identities <= tracked.keys()
    for step, runs in summary.runs.items():
        assert {tracked[run].job_type for run in runs} == {step}
    of_trainings = {tracked[run].config["max_epochs"] for run in summary.runs["train"]}
    assert of_trainings == {second["max_epochs"]}
    assert {tracked[run].config["patience"] for run in summary.runs["train"]} == {second["patience"]}
    with (artifacts / "sweeps" / "latest" / "leaderboard.csv").open() as file:
        assert {row["wandb_runs"] for row in csv.DictReader(file)} == set(summary.runs["train"])

    retention.remove(storage, retention.unneeded(storage, keep=1, unsent=True), keep=1, unsent=True)
    assert identities <= {run.id for run in offline_runs(artifacts)}
    before = len(offline_runs(artifacts))
    again = sweep(Experiment(**grid, **second), execution)
    assert again.cached == 2
    assert again.runs == summary.runs
    assert len(offline_runs(artifacts)) == before


def test_with_more_patience_a_sweep_names_its_own_trainings(flowers, tmp_path, prefect_server):
    stops_early = {"max_epochs": 400, "patience": 2}
    check(flowers, tmp_path / "artifacts", stops_early, stops_early | {"max_epochs": 500})


@pytest.mark.soak(2)
@pytest.mark.parametrize("number", range(6))
def test_whatever_two_recipes_have_in_common_each_sweep_names_its_own_runs(
    flowers, tmp_path, prefect_server, dice, number
):
    first, second = ({"max_epochs": dice.randint(1, 12), "patience": dice.randint(1, 12)} for _ in range(2))
    check(flowers, tmp_path / "artifacts", first, second)
