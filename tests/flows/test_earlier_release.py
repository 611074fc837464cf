"""An artifact root as the release before left it, frozen in `earlier_release/`: used or made anew, never misread."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from execution.config import Execution
from execution.outputs import retention
from experiment.config import Experiment
from flows.sweep import sweep
from tests.conftest import model_of

pytestmark = pytest.mark.slow

ARCHIVE = Path(__file__).with_name("earlier_release") / "root.tar.xz"
GRID = {
    "decay": ("none",),
    "folds": 1,
    "learning_rates": (0.1, 0.01),
    "batch_sizes": (16,),
    "alphas": (0.0,),
    "max_epochs": 5,
}
EXPERIMENT = Experiment(data="iris", **GRID)


@pytest.fixture
def earlier(tmp_path):
    shutil.unpack_archive(ARCHIVE, tmp_path)
    return tmp_path / "artifacts"


def figures(summary):
    return summary.model_dump(exclude={"cached", "seconds", "provenance", "runs"})


def test_a_sweep_on_it_gives_what_one_on_an_empty_root_does(earlier, tmp_path, prefect_server, caplog):
    """Even if every record of a step lies where this release looks for its own."""
    empty, full = (Execution(artifacts=root, wandb_mode="offline") for root in (tmp_path / "empty", earlier))
    alone = sweep(EXPERIMENT, empty)
    by_class = {result_class(path): path for path in (earlier / "cache").iterdir()}
    for path in (tmp_path / "empty" / "cache").iterdir():
        if (
            old := by_class.get(result_class(path))
        ) is not None:  # that release had no step of its own for the analysis
            (earlier / "cache" / path.name).write_bytes(old.read_bytes())
    caplog.clear()
    summary = sweep(EXPERIMENT, full)
    assert figures(summary) == figures(alone)
    models = [model_of(execution) for execution in (empty, full)]
    assert models[0].keys() == models[1].keys()
    assert all(np.array_equal(models[0][name], models[1][name]) for name in models[0])
    assert "is not used" in caplog.text
    assert [line.split(",")[2][:5] for line in (earlier / "sweeps" / "history.csv").read_text().splitlines()[1:]] == [
        "iris-", "iris-"
    ]  # fmt: skip


def result_class(path):
    """Of the result in a record, without its module."""
    result = json.loads(json.loads(json.loads(path.read_text())["record"])["result"])
    return result["__class__"].rpartition(".")[2]


def test_clean_takes_nothing_from_its_sweep_but_what_a_kill_left(earlier):
    storage = Execution(artifacts=earlier).storage
    found = retention.unneeded(storage, keep=0)
    assert found.undated == [key for key in storage.list("sweeps") if "iris" in key]
    assert {key.partition("/")[0] for key in found.keys} == {"checkpoints", "derived", "wandb"}
    assert found.unsent == 0
    assert retention.unneeded(storage, keep=0, unsent=True).keys == found.keys


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["predict", "{root}/sweeps/latest/model.npz", "iris", "--output", "{root}/x.csv"], "run its sweep again"),
        (["share", "--artifacts", "{root}"], "was not made by this version of the program: run it again"),
        (["sync", "--artifacts", "{root}"], "it is unfinished: run its sweep again, or remove it"),
    ],
    ids=["predict", "share", "sync"],
)
def test_what_another_command_cannot_use_is_named(earlier, typed, command, says):
    if command[0] == "sync":
        for run in (earlier / "wandb").glob("offline-run-*"):
            if not run.name.endswith("da4cccea79d5ff8d85f9"):  # W&B's server is another test's
                (run / "x.synced").touch()
    code, said = typed(*(part.format(root=earlier) for part in command))
    assert code in (1, 2)
    assert says in said
    assert "Traceback" not in said
