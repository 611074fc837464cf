"""Locks in an object store, whose holders give signs of life and may die."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from execution.outputs import retention
from execution.storage import leases
from execution.storage.objects import ObjectStorage
from experiment.errors import InUse
from tests.object_store import Proxy, away


def never():
    return False


@pytest.fixture
def lock(objects):
    """A new holder of one and the same lock, each time it is called."""
    return lambda: objects.lock("locks/a.lock")


def die(holder):
    """What a SIGKILL does to it: no more signs of life, and no release."""
    holder.released.set()


def test_of_many_that_come_at_once_one_at_a_time_holds_it(lock):
    inside, most = [], []

    def work(number):
        mine = lock()
        assert mine.acquire(None, never)
        inside.append(number)
        most.append(len(inside))
        time.sleep(0.05)
        inside.remove(number)
        mine.release()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert most == [1] * 6


def test_one_that_lives_keeps_it_for_longer_than_a_lease(lock, objects):
    holder = lock()
    assert holder.acquire(0, never)
    assert not lock().acquire(2.5 * leases.LEASE, never)
    assert not lock().acquire(0, never)
    with pytest.raises(InUse, match=f"a sweep is running on {objects.url}"):
        retention.unneeded(objects, keep=0)
    holder.release()
    assert not objects.exists("locks/a.lock")


def test_that_of_a_dead_one_is_taken_over_by_one_of_those_who_wait(lock, objects):
    dead = lock()
    assert dead.acquire(0, never)
    die(dead)
    waiting = [lock() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        held = list(pool.map(lambda one: one.acquire(3 * leases.LEASE, never), waiting))
    assert sorted(held) == [False, False, False, True]
    dead.release()  # it was only slow: what is another's by now stays
    (winner,) = [one for one, has in zip(waiting, held, strict=True) if has]
    time.sleep(leases.LEASE)
    assert not lock().acquire(0, never)
    winner.release()
    assert not objects.exists("locks/a.lock")


def test_what_a_killed_sweep_holds_keeps_nobody_from_cleaning(lock, objects):
    dead = lock()
    assert dead.acquire(0, never)
    die(dead)
    assert retention.unneeded(objects, keep=0).keys == []


def test_one_that_finds_its_lock_gone_lives_on_and_releases_nothing(lock, objects):
    holder = lock()
    assert holder.acquire(0, never)
    objects.put("locks/a.lock", b"somebody else")
    time.sleep(leases.LEASE)
    holder.release()
    assert objects.get("locks/a.lock") == b"somebody else"


def test_an_answer_that_was_lost_leaves_nobody_locked_out_by_himself(objects, object_store, monkeypatch):
    with Proxy(object_store.address) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.environment["AWS_ENDPOINT_URL"])
        storage = ObjectStorage(url=f"{objects.url}/proxied")
        answers = iter(["lost"])
        proxy.trouble = lambda method, path: next(answers, None) if method == "PUT" else None
        mine = storage.lock("locks/a.lock")
        assert mine.acquire(0, never)
        answers = iter(["lost"])
        time.sleep(leases.LEASE)
        assert mine.tag
        assert not storage.lock("locks/a.lock").acquire(0, never)
        mine.release()
        assert not storage.exists("locks/a.lock")


def test_a_store_that_was_away_makes_nobody_dead(objects, object_store, monkeypatch):
    with Proxy(object_store.address) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.environment["AWS_ENDPOINT_URL"])
        storage = ObjectStorage(url=f"{objects.url}/proxied")
        holder, waiting = storage.lock("locks/a.lock"), storage.lock("locks/a.lock")
        assert holder.acquire(0, never)
        with ThreadPoolExecutor(1) as pool:
            waits = pool.submit(waiting.acquire, 6 * leases.LEASE, never)
            time.sleep(leases.LEASE / 2)
            away(proxy, 1.5 * leases.LEASE).join()
            assert not waits.result()
        assert holder.tag
        holder.release()
