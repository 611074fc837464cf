"""Records and locks, without a flow around them."""

import subprocess
import sys

import numpy as np
import pytest

from execution import prepare
from execution.cache.locks import KeyLocks
from execution.cache.records import RecordStorage
from execution.config import Execution
from execution.storage.arrays import key_of, put_array
from execution.storage.local import LocalStorage
from experiment.config import Experiment
from experiment.errors import Interrupted
from tests.conftest import PROJECT
from tests.patience import PATIENCE

KEY = "a" * 64


def test_a_record_counts_only_while_it_and_its_arrays_are_whole(tmp_path):
    storage = LocalStorage(root=tmp_path)
    records, ref = RecordStorage(storage=storage), put_array(storage, np.arange(9))
    records.write_path(KEY, f'{{"W": "{ref.digest}"}}'.encode())
    assert ref.digest in records.read_path(KEY).decode()
    storage.local(key_of(ref.digest)).write_bytes(b"")
    with pytest.raises(ValueError, match="not whole"):
        records.read_path(KEY)
    with pytest.raises(ValueError, match="no record"):
        records.read_path(KEY)


@pytest.mark.parametrize("damage", ["emptied", "truncated", "flipped", "a list", "a directory"])
def test_a_damaged_record_is_set_aside(tmp_path, damage):
    storage = RecordStorage(storage=LocalStorage(root=tmp_path))
    storage.write_path(KEY, b'{"value": 1}')
    path = tmp_path / "cache" / KEY
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "a directory":
        path.mkdir()
    else:
        flipped = bytes(content).replace(b"1}", b"2}")
        path.write_bytes({"emptied": b"", "truncated": content[:-3], "flipped": flipped, "a list": b"[]"}[damage])
    with pytest.raises(ValueError, match="not whole"):
        storage.read_path(KEY)
    assert len(list(path.parent.glob(f"{KEY}.bad-*"))) == 1
    storage.write_path(KEY, b'{"value": 1}')
    assert storage.read_path(KEY) == b'{"value": 1}'


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
        "from tests.execution.cache.test_records_and_locks import locks_of\n"
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
