"""A small sweep in this process, and the command line, typed in this process."""

import logging
import os
import shutil
import signal
import sys

import pytest

from execution.config import Execution
from experiment.config import Experiment
from flows import sweep as flow
from flows.__main__ import main
from flows.search import Found
from flows.sweep import sweep
from tests.conftest import clean_environment
from tests.patience import PATIENCE
from tests.program import Program, Running

GRID = {
    "decay": ("none",),
    "folds": 1,
    "learning_rates": (0.5, 0.1),
    "batch_sizes": (16, 64),
    "alphas": (0.0, 0.01),
    "max_epochs": 8,
    "patience": 8,
}


@pytest.fixture
def typed(monkeypatch, capfd):
    """Type a command line, in this process. Gives its exit code and what it said on stderr."""
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    log = logging.getLogger("sweep")
    handlers = log.handlers[:]
    for name in os.environ.keys() - clean_environment().keys():
        monkeypatch.delenv(name)

    def type_in(*arguments):
        monkeypatch.setattr(sys, "argv", ["flows", *map(str, arguments)])
        return main(), capfd.readouterr().err

    yield type_in
    log.handlers[:] = handlers
    for number, handler in signals.items():
        signal.signal(number, handler)


@pytest.fixture
def refused(typed, tmp_path):
    """Type a command line that is refused: exit code 2, no traceback, nothing written. Gives what it said."""

    def type_in(*arguments):
        kept = set(tmp_path.rglob("*"))
        code, said = typed("--artifacts", tmp_path / "artifacts", *arguments)
        assert code == 2
        assert "Traceback" not in said
        assert set(tmp_path.rglob("*")) == kept
        return said

    return type_in


@pytest.fixture(scope="module")
def experiment(digits):
    return Experiment(data_dir=digits, **GRID, average=False)


@pytest.fixture
def execution(tmp_path, prefect_server):
    return execution_in(tmp_path / "artifacts")


def execution_in(artifacts):
    return Execution(artifacts=artifacts, workers=2, wandb_mode="offline")


@pytest.fixture(scope="module")
def swept(experiment, prefect_server, tmp_path_factory):
    """What a sweep was asked, where it was run, and its summary: for all who only look at what it left."""
    execution = execution_in(tmp_path_factory.mktemp("swept") / "artifacts")
    return experiment, execution, sweep(experiment, execution)


@pytest.fixture
def summary(swept, execution):
    """The sweep's summary, and all that it left copied to the artifact root of the test, to go on from there."""
    _, finished, summary = swept
    shutil.copytree(finished.artifacts, execution.artifacts, symlinks=True)
    return summary


@pytest.fixture
def found(monkeypatch):
    """What the searches of this test find, one after the other."""
    kept: list[Found] = []
    searched = flow.search
    monkeypatch.setattr(flow, "search", lambda *about: kept.append(searched(*about)) or kept[-1])
    return kept


@pytest.fixture
def begin(forking, prefect_server, digits, tmp_path):
    """Fork the program on the digits, on the session's server if the environment names no other.

    Artifacts are in `tmp_path`/artifacts. Killed at the end of the test.
    """
    begun = []

    def begin(*flags: object, **environment: str) -> Running:
        about = {"PREFECT_API_URL": prefect_server} | environment
        begun.append(Program(tmp_path / "artifacts", "--data-dir", digits, *flags, **about).start())
        return begun[-1]

    yield begin
    for running in begun:
        running.process.kill()
        running.process.wait(PATIENCE)
