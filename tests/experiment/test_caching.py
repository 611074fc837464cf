"""Records and locks, without a flow around them."""

import subprocess
import sys
import time

import numpy as np
import pytest
from experiment.caching import KeyLocks, RecordStorage, plain
from experiment.store import ArrayStore

from experiment.axes import Combination
from experiment.results import Normalized, TrainingSet
from tests.conftest import PROJECT

KEY = "a" * 64


def test_a_record_counts_only_while_it_and_its_arrays_are_whole(tmp_path):
    storage, store = RecordStorage(root=tmp_path), ArrayStore(root=tmp_path / "arrays")
    ref = store.put(np.arange(9))
    storage.write_path(KEY, f'{{"W": "{ref.digest}"}}'.encode())
    assert ref.digest in storage.read_path(KEY).decode()
    store.path(ref.digest).write_bytes(b"")
    with pytest.raises(ValueError, match="not whole"):
        storage.read_path(KEY)
    with pytest.raises(ValueError, match="no record"):
        storage.read_path(KEY)


@pytest.mark.parametrize("damage", ["emptied", "truncated", "flipped", "a list", "a directory"])
def test_a_damaged_record_is_set_aside(tmp_path, damage):
    storage = RecordStorage(root=tmp_path)
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


def test_what_a_result_is_called_in_wandb_is_in_no_key():
    ref = {"digest": "sha256:0", "shape": (1,), "dtype": "f"}
    one, two = (Normalized(train=TrainingSet(images=ref, labels=ref), wandb_run=name) for name in ("one", "two"))
    assert plain([one]) == plain([two])
    assert plain(Combination(learning_rate=0.1, batch_size=8, alpha=0)) != plain(
        Combination(learning_rate=0.1, batch_size=8, alpha=0.1)
    )


def test_a_lock_keeps_others_out_until_it_is_released(tmp_path):
    one, two = KeyLocks(tmp_path), KeyLocks(tmp_path)
    assert one.acquire_lock(KEY, "me")
    assert one.is_lock_holder(KEY, "me")
    assert two.is_locked(KEY)
    assert not two.acquire_lock(KEY, "you", acquire_timeout=0.2)
    with pytest.raises(ValueError, match="no lock held"):
        two.release_lock(KEY, "you")
    one.release_lock(KEY, "me")
    assert two.wait_for_lock(KEY)
    assert two.acquire_lock(KEY, "you", acquire_timeout=0)


@pytest.mark.hostile
def test_a_killed_process_holds_no_lock(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from experiment.caching import KeyLocks\n"
        f"locks = KeyLocks(Path(sys.argv[1])); locks.acquire_lock({KEY!r}, 'it'); print('held', flush=True)\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=PROJECT, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    locks = KeyLocks(tmp_path)
    assert locks.is_locked(KEY)
    process.kill()
    process.wait()
    started = time.monotonic()
    assert locks.acquire_lock(KEY, "me", acquire_timeout=30)
    assert time.monotonic() - started < 30
