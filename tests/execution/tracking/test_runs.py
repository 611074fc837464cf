"""Which folder an offline run has, as it is noted for a later try."""

import sys
import threading

import pytest

from execution.storage.local import LocalStorage
from execution.tracking.runs import earlier_try, remember_older

THREADS, ROUNDS = 4, 100


@pytest.fixture
def switching():
    """Threads take turns all the time."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_what_a_killed_process_left_is_noted_for_all_threads(switching, tmp_path):
    missed = []

    def begin(notes, barrier):
        barrier.wait()
        remember_older(notes)
        if earlier_try(notes, "killed") is None:
            missed.append(notes)

    for number in range(ROUNDS):
        notes, barrier = LocalStorage(root=tmp_path / str(number)), threading.Barrier(THREADS)
        (notes.folder("wandb") / "offline-run-20260101_000000-killed").mkdir()
        threads = [threading.Thread(target=begin, args=(notes, barrier)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not missed
