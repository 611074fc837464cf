"""Which folder an offline run has, as it is noted for a later try."""

import sys
import threading

import pytest

from execution.tracking.runs import remember_older

THREADS, ROUNDS = 4, 100


@pytest.fixture
def switching():
    """Threads take turns all the time."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_what_a_killed_process_left_is_noted_for_all_threads_that_begin_a_run_at_once(switching, tmp_path):
    missed = []

    def begin(known, barrier):
        barrier.wait()
        remember_older(known)
        if not (known / "killed").is_symlink():
            missed.append(known)

    for number in range(ROUNDS):
        known, barrier = tmp_path / str(number) / "begun", threading.Barrier(THREADS)
        known.mkdir(parents=True)
        (known.parent / "offline-run-20260101_000000-killed").mkdir()
        threads = [threading.Thread(target=begin, args=(known, barrier)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not missed
