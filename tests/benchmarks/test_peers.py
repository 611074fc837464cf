"""Other programs that search grids are given the same problem, and find the same."""

import json

import pytest

from benchmarks.data import made_up
from benchmarks.peers import optuna_grid, sklearn_grid
from benchmarks.peers.problem import BEST, EXPERIMENT, epochs, load, train
from experiment.config import Experiment
from softmax import sgd

GRID = {"learning_rates": [0.1, 0.001], "batch_sizes": [16], "alphas": [0.0, 0.01]}


@pytest.fixture
def root(tmp_path):
    tiny = made_up(tmp_path / "tiny", 300, 16, 3)
    experiment = Experiment.model_validate({"data_dir": tiny, "max_epochs": 2, "decay": ["none"], "folds": 1, **GRID})
    (tmp_path / EXPERIMENT).write_text(experiment.model_dump_json(exclude_defaults=True))
    return tmp_path


def test_a_training_is_the_sweeps_own(root):
    problem = load(root)
    figures = train(problem, learning_rate=0.1, batch_size=16, alpha=0.01)
    assert epochs(root) == 2
    *_, state = sgd.train(
        problem.images, problem.labels, problem.rows.train, problem.rows.held_out, classes=3, rate=lambda _: 0.1,
        batch_size=16, alpha=0.01, max_epochs=2, seed=problem.experiment.seed, average=True,
    )  # fmt: skip
    assert figures["val_loss"] == state.history[figures["best_epoch"] - 1].val_loss


@pytest.mark.slow
def test_they_find_the_same_combination(root):
    found = []
    for contender in (optuna_grid, sklearn_grid):
        contender.main(root)
        found.append(json.loads((root / BEST).read_text()))
    assert [one["trials"] for one in found] == [4, 4]
    assert found[0]["val_accuracy"] == found[1]["val_accuracy"]
