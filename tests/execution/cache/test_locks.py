"""Locks, without a flow around them."""

import subprocess
import sys

import pytest

from execution import prepare
from execution.cache.locks import KeyLocks
from execution.config import Execution
from experiment.config import Experiment
from experiment.errors import Interrupted
from tests.conftest import PROJECT
from tests.patience import PATIENCE

KEY = "a" * 64


@pytest.fixture
def artifacts(storage):
    return storage.where("").rstrip("/")


def locks_of(artifacts, flow_run="run"):
    return KeyLocks(prepare.run_context(Experiment(), Execution(artifacts=artifacts), flow_run))


def test_a_lock_keeps_others_out_until_it_is_released(artifacts):
    one, two = locks_of(artifacts), locks_of(artifacts)
    assert one.acquire_lock(KEY, "me")
    assert one.is_lock_holder(KEY, "me")
    assert two.is_locked(KEY)
    assert not two.acquire_lock(KEY, "you", acquire_timeout=0.2)
    with pytest.raises(ValueError, match="no lock held"):
        two.release_lock(KEY, "you")
    one.release_lock(KEY, "me")
    assert two.wait_for_lock(KEY)
    assert two.acquire_lock(KEY, "you", acquire_timeout=0)


def test_who_waits_for_a_lock_stops_waiting_when_the_flow_run_is_stopped(artifacts):
    holding, waiting = locks_of(artifacts, "one"), locks_of(artifacts, "two")
    assert holding.acquire_lock(KEY, "me")
    waiting.state.request_stop()
    with pytest.raises(Interrupted, match="another sweep was at the same step"):
        waiting.acquire_lock(KEY, "you")
    assert holding.is_lock_holder(KEY, "me")


@pytest.mark.hostile
def test_a_killed_process_holds_no_lock(artifacts):
    script = (
        "import sys, time; from execution.storage import leases; leases.LEASE = 2.0\n"
        "from tests.execution.cache.test_locks import locks_of\n"
        f"locks = locks_of(sys.argv[1]); locks.acquire_lock({KEY!r}, 'it'); print('held', flush=True)\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, artifacts], cwd=PROJECT, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    locks = locks_of(artifacts)
    assert locks.is_locked(KEY)
    process.kill()
    process.wait()
    assert locks.acquire_lock(KEY, "me", acquire_timeout=PATIENCE)
