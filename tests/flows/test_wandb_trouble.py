"""Tracking online: all of it arrives, once; and whatever W&B does, the sweep goes on and is right."""

import json
import re
import shlex
import shutil
import subprocess
from collections import Counter
from signal import SIGKILL, SIGSTOP

import pytest

from execution.config import Execution
from experiment.config import Experiment
from flows.sweep import sweep
from tests.conftest import PROJECT, clean_environment
from tests.offline import offline_runs
from tests.patience import PATIENCE, until
from tests.program import KILLED

GRID = {
    "decay": ("none",),
    "folds": 1,
    "learning_rates": (0.5, 0.1),
    "batch_sizes": (64,),
    "alphas": (0.0,),
    "max_epochs": 4,
}
SIMPLE = ["--decay", "none", "--folds", 1]
FLAGS = [*SIMPLE, "--learning-rates", 0.5, 0.1, "--batch-sizes", 64, "--alphas", 0, "--max-epochs", 4]
STEPS = ["download", "scale", "split", "check_gradients", "select", "retrain", "evaluate", "analyse", "report"]
QUICK = {"WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL": "1"}  # seconds between the client's messages, for 15


@pytest.fixture
def tracked(begin, server):
    """Begin the sweep, tracked at `server`."""
    return lambda *flags, **environment: begin(*flags, **server.env(), **QUICK, **environment)


@pytest.fixture
def ended(server, tmp_path, expected):
    """Wait for its end, and check that it went well and gave nothing away. Gives what it said."""

    def ended(running):
        end = running.wait()
        said = end.output
        assert end.code == 0, said
        summary = json.loads((tmp_path / "artifacts" / "sweeps" / "latest" / "summary.json").read_text())
        assert {name: summary[name] for name in expected} == expected
        key = server.api_key.encode()
        assert key not in said.encode()
        assert not [path for path in tmp_path.rglob("*") if path.is_file() and key in path.read_bytes()]
        return said

    return ended


@pytest.fixture(scope="module")
def expected(prefect_server, digits, tmp_path_factory):
    """What the sweep finds when nobody tracks it."""
    execution = Execution(artifacts=tmp_path_factory.mktemp("untracked"), wandb_mode="disabled")
    summary = sweep(Experiment(data_dir=digits, **GRID), execution)
    return summary.model_dump(mode="json", include={"best", "best_epoch", "test_loss", "test_accuracy"})


def epochs(run):
    return [row["epoch"] for row in run.history]


def warnings(said):
    return re.findall(r"^W&B: .*(?:\n.*)*?Tracking goes on offline.*", said, re.M)


def sync(warning, server):
    """Do what the warning advises."""
    command = shlex.split(re.search(r"send it later with: (.*)", warning)[1])
    assert command[1:4] == ["-m", "flows", "sync"]
    subprocess.run(
        command,
        cwd=PROJECT,
        env=clean_environment() | server.env(),
        check=True,
        timeout=PATIENCE,
    )


# ---- online


@pytest.mark.slow
def test_online_every_task_run_is_a_run_with_its_config_rows_and_summary(server, tracked, ended):
    said = ended(tracked(*FLAGS))
    assert not warnings(said)
    runs = server.runs.values()
    assert Counter(run.job_type for run in runs) == Counter({**dict.fromkeys(STEPS, 1), "train": 2})
    assert {run.state for run in runs} == {"finished"}
    (group,) = {run.group for run in runs}
    assert group.startswith("digits-")
    assert len({run.config["prefect_flow_run_id"] for run in runs}) == 1
    assert len({run.config["prefect_task_run_id"] for run in runs}) == len(runs)
    for run in runs:
        if run.job_type == "train":
            assert {"learning_rate", "batch_size", "alpha", "max_epochs", "patience", "seed"} <= run.config.keys()
            assert epochs(run) == [1, 2, 3, 4]
            assert len(run.received) == 4
            assert {"train_loss", "val_loss", "val_accuracy"} <= run.history[-1].keys()
            assert run.summary["final_val_accuracy"] == run.history[run.summary["best_epoch"] - 1]["val_accuracy"]
    assert next(run for run in runs if run.job_type == "evaluate").summary["test_accuracy"] > 0.9


@pytest.mark.slow
@pytest.mark.hostile
def test_a_killed_online_run_is_taken_up_again_with_every_epoch_once(server, tracked, held):
    flags = [*SIMPLE, "--learning-rates", 0.01, "--batch-sizes", 64, "--alphas", 0, "--max-epochs", 40]
    flags += ["--checkpoint-seconds", 0]
    running = tracked(*flags, SWEEP_WAIT_AT="train epoch:9", SWEEP_WAIT_FILE=str(held))
    until(lambda: server.rows >= 5 or running.process.poll() is not None)
    running.process.kill()
    assert running.wait().code == KILLED
    (killed,) = (run for run in server.runs.values() if run.job_type == "train")
    assert 5 <= len(killed.history) < 40
    before = len(server.runs)
    end = tracked(*flags).wait()
    assert end.code == 0, end.output
    assert killed.state == "finished"
    assert epochs(killed) == [row["epoch"] for row in killed.received] == list(range(1, 41))
    assert killed.summary["val_accuracy"] == {"max": max(row["val_accuracy"] for row in killed.history)}
    assert killed.summary["val_loss"] == {"min": min(row["val_loss"] for row in killed.history)}
    assert len(server.runs) == before + 5  # select, retrain, evaluate, analyse, report


@pytest.mark.slow
def test_a_run_that_was_deleted_at_w_and_b_begins_under_another_id(server, tracked, ended, tmp_path):
    ended(tracked(*FLAGS))
    deleted, kept = (run.id for run in server.runs.values() if run.job_type == "train")
    del server.runs[deleted]
    server.deleted.add(deleted)
    shutil.rmtree(tmp_path / "artifacts" / "cache")
    assert not warnings(ended(tracked(*FLAGS)))
    trained = {run.id: epochs(run) for run in server.runs.values() if run.job_type == "train"}
    (anew,) = trained.keys() - {kept}
    assert anew.startswith(f"{deleted}-")
    assert trained == {kept: [1, 2, 3, 4], anew: [1, 2, 3, 4]}


@pytest.mark.slow
def test_slow_answers_are_waited_for(server, tracked, ended):
    server.delay = 0.2
    assert not warnings(ended(tracked(*FLAGS)))
    assert {run.state for run in server.runs.values()} == {"finished"}


# ---- trouble


@pytest.mark.slow
@pytest.mark.hostile
def test_unreachable_from_the_start_it_is_tracked_offline_and_can_be_sent_later(server, tracked, ended, tmp_path):
    server.stop()
    (warning,) = warnings(ended(tracked(*FLAGS)))
    assert f"{server.url} cannot be reached" in warning
    assert len(offline_runs(tmp_path / "artifacts")) == len(STEPS) + 2
    server.recover()
    sync(warning, server)
    assert {run.state for run in server.runs.values()} == {"finished"}
    trained = [run for run in server.runs.values() if run.job_type == "train"]
    assert [epochs(run) for run in trained] == [[1, 2, 3, 4]] * 2


@pytest.mark.slow
@pytest.mark.hostile
@pytest.mark.soak(1)
@pytest.mark.parametrize("moment", ["while rows are sent", "between runs"])
def test_if_the_server_dies_on_the_way_the_sweep_ends_well_and_loses_no_run(server, tracked, ended, moment):
    if moment == "while rows are sent":
        server.fail_after = 1
        running = tracked(*FLAGS)
    else:
        running = tracked(*FLAGS)
        until(lambda: len(server.runs) >= 3 or running.process.poll() is not None)
        server.stop()
    (warning,) = warnings(ended(running))
    server.recover()
    server.overwrites = True  # a run sent again as a whole
    sync(warning, server)
    assert Counter(run.job_type for run in server.runs.values() if run.state == "finished") == Counter(
        {**dict.fromkeys(STEPS, 1), "train": 2}
    )
    trained = [run for run in server.runs.values() if run.job_type == "train" and run.state == "finished"]
    assert [epochs(run) for run in trained] == [[1, 2, 3, 4]] * 2


@pytest.mark.slow
@pytest.mark.hostile
@pytest.mark.parametrize(("online", "trouble"), [(True, SIGKILL), (False, SIGKILL), (False, SIGSTOP)])
def test_if_the_clients_service_dies_or_stands_still_no_epoch_is_lost(
    server, begin, ended, held, tmp_path, online, trouble
):
    known = server.env() | QUICK if online else {}
    waiting = {"SWEEP_WAIT_AT": "train epoch:2", "SWEEP_WAIT_FILE": str(held)}
    running = begin(*FLAGS, "--checkpoint-seconds", 0, **known, **waiting)
    begun = tmp_path / "artifacts" / "checkpoints"
    until(lambda: list(begun.glob("*.ckpt")) or running.process.poll() is not None)
    (service,) = (process for process in running.family() if process.name() == "wandb-core")
    service.send_signal(trouble)
    held.unlink()
    (warning,) = warnings(ended(running))
    assert "its service died or did not answer" in warning
    sync(warning, server)
    trained = [run for run in server.runs.values() if run.job_type == "train"]
    assert [epochs(run) for run in trained] == [[1, 2, 3, 4]] * 2
    assert {run.state for run in trained} == {"finished"}
