"""Ctrl-C and SIGTERM: soon over, nothing left running, and it goes on from the checkpoints."""

import os
import re
import signal

import pytest
import requests

from execution.cache import checkpoints
from execution.storage.local import LocalStorage
from tests.hostile.leavings import lost_and_doubled, results, rows_on_disk
from tests.patience import PATIENCE, until
from tests.program import KILLED, Running

pytestmark = pytest.mark.hostile

GRID = (
    "--decay",
    "none",
    "--folds",
    1,
    "--learning-rates",
    0.01,
    0.02,
    "--batch-sizes",
    16,
    "--alphas",
    0,
    "--max-epochs",
    20,
    "--patience",
    20,
)
WAITING_AT = "train checkpoints written:6"  # both trainings have a checkpoint by then, and neither is done
SIGNALS = [signal.SIGINT, signal.SIGTERM]  # SIGHUP is as SIGTERM


@pytest.fixture
def artifacts(tmp_path):
    return tmp_path / "artifacts"


@pytest.fixture
def sweep(sweep_in, artifacts):
    return sweep_in(artifacts, *GRID)


@pytest.fixture
def training(sweep, artifacts, held):
    """Start the sweep; it is in the middle of both trainings."""

    def training(**environment):
        forked = "PREFECT_API_URL" in sweep.environment or "FORKED" in environment
        running = sweep.start(forked=forked, SWEEP_WAIT_AT=WAITING_AT, SWEEP_WAIT_FILE=str(held), **environment)
        running.wait_for("*.ckpt", artifacts / "checkpoints", count=2)
        until(lambda: sum(epochs_in_checkpoints(artifacts).values()) == 7)  # and both wait
        return running

    return training


@pytest.fixture(scope="module")
def undisturbed(sweep_in, tmp_path_factory):
    artifacts = tmp_path_factory.mktemp("undisturbed") / "artifacts"
    ended = sweep_in(artifacts, *GRID).run()
    assert ended.code == 0, ended.output
    return results(artifacts), rows_on_disk(artifacts)


@pytest.fixture
def private(sweep):
    """The sweep has a Prefect server of its own."""
    del sweep.environment["PREFECT_API_URL"]


def interrupt(running: Running, number: signal.Signals) -> None:
    """Ctrl-C goes to everything that the terminal has in its foreground; SIGTERM to the program."""
    if number == signal.SIGINT:
        os.killpg(running.process.pid, number)
    else:
        running.process.send_signal(number)


def interrupt_all(running: Running, number: signal.Signals) -> None:
    """As systemd and batch systems do it: to every process that it has started, too, those first."""
    for process in sorted(running.family(), key=lambda process: process.pid == running.process.pid):
        process.send_signal(number)


def stop(running: Running, artifacts, held, number: signal.Signals, interrupt=interrupt) -> None:
    """Send the signal in the middle of training, and expect a quiet end."""
    interrupt(running, number)
    running.wait_for("runs/*/stop", artifacts)  # or the trainings, of milliseconds, may end before the signal arrives
    held.unlink()
    ended = running.wait()
    assert ended.code == 128 + number, ended.output
    assert "Traceback" not in ended.output
    assert "Stopped. Finished work is kept; this command continues:\n  " in ended.output
    assert not running.orphans()


def epochs_in_checkpoints(artifacts) -> dict[str, int]:
    storage = LocalStorage(root=artifacts)
    names = [path.stem for path in (artifacts / "checkpoints").glob("*.ckpt")]
    states = {name: checkpoints.load(storage, name) for name in names}
    return {name: len(state.history) for name, state in states.items() if state}


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_it_soon_and_it_resumes_from_its_checkpoints(
    sweep, training, held, artifacts, number, undisturbed
):
    stop(training(PATIENT="1"), artifacts, held, number)
    before = epochs_in_checkpoints(artifacts)
    assert before
    assert all(0 < epochs < 20 for epochs in before.values())

    assert sweep.run(SWEEP_KILL_AT="train checkpoints written:1").code == KILLED
    after = epochs_in_checkpoints(artifacts)
    # It went on with the next epoch of one of them, or of both if the other was as fast.
    assert sum(before.values()) < sum(after.values()) <= sum(before.values()) + len(before)

    ended = sweep.run()
    assert ended.code == 0, ended.output
    assert results(artifacts) == undisturbed[0]
    assert lost_and_doubled(rows_on_disk(artifacts), undisturbed[1]) == (0, 0)


@pytest.mark.soak(1)
@pytest.mark.parametrize(
    ("number", "interrupt"),
    [(signal.SIGINT, interrupt), (signal.SIGTERM, interrupt), (signal.SIGTERM, interrupt_all)],
    ids=["Ctrl-C", "SIGTERM", "SIGTERM to all its processes at once"],
)
def test_a_signal_leaves_no_temporary_server_behind(private, training, artifacts, held, number, interrupt):
    stop(training(), artifacts, held, number, interrupt)


def test_a_killed_program_takes_its_temporary_server_along(private, training):
    running = training(FORKED="1")
    (page,) = re.findall(r"Prefect UI while this runs: (\S+)", running.log.read_text())
    assert "<title>Prefect" in requests.get(page, timeout=PATIENCE).text
    running.process.kill()
    running.process.wait(PATIENCE)
    assert not running.orphans()


@pytest.mark.parametrize("signals", [1, 2], ids=["after a while", "at once by a second signal"])
def test_it_ends_though_the_trainings_go_on(training, artifacts, held, signals):
    running = training(**({"PATIENT": "1"} if signals == 2 else {}))
    for _ in range(signals):
        interrupt(running, signal.SIGINT)
        running.wait_for("runs/*/stop", artifacts)  # the first has arrived: of two that wait only one does
    ended = running.wait()
    assert ended.code == 130, ended.output
    assert held.exists()
    assert "Traceback" not in ended.output
    assert not running.orphans()
