"""Ctrl-C and SIGTERM: soon over, nothing left running, and it goes on from the checkpoints."""

import os
import re
import signal
import time

import pytest
import requests

from execution.storage import checkpoints
from execution.storage.local import LocalStorage
from tests.hostile.leavings import lost_and_doubled, results, rows_on_disk
from tests.hostile.program import KILLED, Running

pytestmark = pytest.mark.hostile

SECONDS_TO_END = 8.0  # 5 are promised; tests run side by side
LONG = (
    "--learning-rates", 0.01, 0.02, "--batch-sizes", 1, "--alphas", 0, "--engine", "numpy", "--max-epochs", 80,
    "--patience", 80,
)  # fmt: skip
SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture
def artifacts(tmp_path):
    return tmp_path / "artifacts"


@pytest.fixture
def long_sweep(sweep_in, artifacts):
    return sweep_in(artifacts, *LONG)


@pytest.fixture(scope="module")
def undisturbed_long(sweep_in, tmp_path_factory):
    artifacts = tmp_path_factory.mktemp("long") / "artifacts"
    ended = sweep_in(artifacts, *LONG).run_forked()
    assert ended.code == 0, ended.output
    return results(artifacts), rows_on_disk(artifacts)


def interrupt(running: Running, number: signal.Signals) -> None:
    """Ctrl-C goes to everything that the terminal has in its foreground; SIGTERM to the program."""
    if number == signal.SIGINT:
        os.killpg(running.process.pid, number)
    else:
        running.process.send_signal(number)


def stop(running: Running, artifacts, number: signal.Signals) -> None:
    """Send the signal in the middle of training, and expect a quick and quiet end."""
    running.wait_for("*.ckpt", artifacts / "checkpoints")
    time.sleep(0.5)
    interrupt(running, number)
    sent = time.monotonic()
    ended = running.wait()
    assert time.monotonic() - sent < SECONDS_TO_END
    assert ended.code == 128 + number, ended.output
    assert "Traceback" not in ended.output
    assert "Stopped. What is done is kept; this goes on from there:\n  python -m flows --artifacts" in ended.output
    assert not running.orphans()


def epochs_in_checkpoints(artifacts) -> dict[str, int]:
    storage = LocalStorage(root=artifacts)
    names = [path.stem for path in (artifacts / "checkpoints").glob("*.ckpt")]
    states = {name: checkpoints.load(storage, name) for name in names}
    return {name: len(state.history) for name, state in states.items() if state}


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_it_soon_and_it_resumes_from_its_checkpoints(long_sweep, artifacts, number, undisturbed_long):
    stop(long_sweep.start(), artifacts, number)
    before = epochs_in_checkpoints(artifacts)
    assert before
    assert all(0 < epochs < 80 for epochs in before.values())

    assert long_sweep.run_forked(SWEEP_KILL_AT="train checkpoints written:1").code == KILLED
    after = epochs_in_checkpoints(artifacts)
    # It went on with the next epoch of one of them, or of both if the other was as fast.
    assert sum(before.values()) < sum(after.values()) <= sum(before.values()) + len(before)

    ended = long_sweep.run_forked()
    assert ended.code == 0, ended.output
    assert results(artifacts) == undisturbed_long[0]
    assert lost_and_doubled(rows_on_disk(artifacts), undisturbed_long[1]) == (0, 0)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_leaves_no_temporary_server_behind(long_sweep, artifacts, number):
    del long_sweep.environment["PREFECT_API_URL"]
    stop(long_sweep.start(), artifacts, number)


def test_a_killed_program_takes_its_temporary_server_along(long_sweep, artifacts):
    del long_sweep.environment["PREFECT_API_URL"]
    running = long_sweep.start()
    running.wait_for("*.ckpt", artifacts / "checkpoints")
    (page,) = re.findall(r"Prefect UI while this runs: (\S+)", running.log.read_text())
    assert "<title>Prefect" in requests.get(page, timeout=10).text
    running.process.kill()
    running.process.wait()
    assert not running.orphans(patience=SECONDS_TO_END)


def test_a_second_signal_ends_it_at_once(long_sweep, artifacts):
    running = long_sweep.start()
    running.wait_for("*.ckpt", artifacts / "checkpoints")
    interrupt(running, signal.SIGINT)
    time.sleep(0.1)
    sent = time.monotonic()
    interrupt(running, signal.SIGINT)
    ended = running.wait()
    assert time.monotonic() - sent < 1.5
    assert ended.code == 130, ended.output
    assert "Traceback" not in ended.output
    assert not running.orphans()
