"""`python -m flows clean`: what no finished sweep needs goes, on confirmation, and nothing else."""

import sys

import pytest
from filelock import FileLock

from execution.config import Execution
from execution.outputs import retention
from execution.storage.local import LocalStorage
from experiment.config import Experiment
from experiment.errors import InUse
from flows import __main__ as command_line
from flows.sweep import sweep
from tests.offline import offline_runs

GRID = {"learning_rates": (0.5, 0.1), "batch_sizes": (64,), "alphas": (0.0,), "max_epochs": 3}


@pytest.fixture
def swept(digits, tmp_path, prefect_server):
    """Two sweeps on one root, the second with one combination more, and what an interrupted one left."""
    execution = Execution(artifacts=tmp_path / "artifacts", wandb_mode="offline")
    experiment = Experiment(data_dir=digits, **GRID)
    grown = experiment.model_copy(update={"learning_rates": (0.5, 0.1, 0.01)})
    sweep(experiment, execution)
    sweep(grown, execution)
    left = execution.artifacts / "checkpoints" / f"{'0' * 20}.ckpt"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"")
    return execution, experiment, grown


def remove(execution, keep):
    """Do what `clean` does, without asking; give what was removed."""
    doomed = retention.unneeded(execution.storage, keep)
    for key in doomed:
        execution.storage.delete(key)
    return doomed


def test_all_that_finished_sweeps_need_is_kept(swept):
    execution, experiment, grown = swept
    assert {key.split("/")[0] for key in remove(execution, keep=None)} == {"checkpoints", "locks"}
    assert sweep(experiment, execution).cached == 2
    assert sweep(grown, execution).cached == 3


def test_of_dropped_sweeps_only_what_kept_ones_share_stays(swept):
    execution, experiment, grown = swept
    remove(execution, keep=1)
    before = len(offline_runs(execution.artifacts))
    assert sweep(grown, execution).cached == 3
    assert len(offline_runs(execution.artifacts)) == before
    assert remove(execution, keep=0)
    assert not list((execution.artifacts / "arrays").iterdir())
    assert not list((execution.artifacts / "files").iterdir())
    assert sweep(experiment, execution).cached == 0


@pytest.mark.parametrize(("answer", "removed"), [("n", False), ("", False), ("y", True)])
def test_clean_shows_what_it_would_remove_and_asks(swept, monkeypatch, capsys, answer, removed):
    execution, *_ = swept
    monkeypatch.setattr(sys, "argv", ["flows", "clean", "--artifacts", str(execution.artifacts)])
    monkeypatch.setattr("builtins.input", lambda _: answer)
    assert command_line.app(sys.argv[1:], exit_on_error=False) == 0
    assert "checkpoints: 1 to remove" in capsys.readouterr().out
    assert list((execution.artifacts / "checkpoints").iterdir()) == ([] if removed else [*retention_left(execution)])


def retention_left(execution):
    return (execution.artifacts / "checkpoints").glob("0*.ckpt")


def test_the_draft_of_a_killed_report_is_no_sweep_to_keep(tmp_path):
    (tmp_path / "sweeps" / "real").mkdir(parents=True)
    (tmp_path / "sweeps" / ".real.123").mkdir()  # newer than the real one
    assert retention.unneeded(LocalStorage(root=tmp_path), keep=1) == ["sweeps/.real.123"]


def test_nothing_is_removed_under_a_running_sweep(tmp_path):
    (tmp_path / "locks").mkdir()
    with FileLock(tmp_path / "locks" / "key.lock"), pytest.raises(InUse, match="a sweep is running"):
        retention.unneeded(LocalStorage(root=tmp_path), keep=0)
