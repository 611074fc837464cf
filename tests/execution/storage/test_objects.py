"""What an object store costs and keeps: what is asked of it, what lies on this machine, what is noticed."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from execution.cache.records import RecordStorage
from execution.storage import copies
from execution.storage.arrays import key_of, open_array, put_array, put_file, read_file
from execution.storage.folders import gather, hand_over
from execution.storage.objects import ObjectStorage
from experiment.errors import StoreError
from tests.made_up import combination, record, trained
from tests.object_store import Proxy

ARRAY = np.arange(5000)


@pytest.fixture
def proxy(object_store, objects, monkeypatch):
    """Between the program and the store, to count."""
    with Proxy(object_store.address) as proxy:
        for name, value in proxy.environment.items():
            monkeypatch.setenv(name, value)
        yield proxy


@pytest.fixture
def elsewhere(objects, tmp_path, monkeypatch):
    """Call it to be on another machine: one that knows nothing of the store and has no copies."""

    def move():
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
        monkeypatch.setattr("execution.storage.objects._there", set())

    return move


def test_no_array_crosses_twice_to_one_machine(proxy, objects, elsewhere, monkeypatch):
    monkeypatch.setattr("execution.storage.objects.PART", 9999)  # several parts
    ref = put_array(objects, ARRAY)
    np.testing.assert_array_equal(open_array(objects, ref), ARRAY)
    assert proxy.requests["GET", "arrays"] == 0
    elsewhere()
    with ThreadPoolExecutor(4) as pool:
        for opened in pool.map(lambda _: open_array(objects, ref), range(8)):
            np.testing.assert_array_equal(opened, ARRAY)
    assert proxy.received["GET", "arrays"] == ARRAY.nbytes + 128
    assert proxy.requests["PUT", "arrays"] == 1
    assert not list((objects.home / "drafts").iterdir())


@pytest.mark.parametrize("damage", ["emptied", "flipped"])
def test_a_damaged_copy_is_fetched_again(objects, damage):
    ref = put_array(objects, ARRAY)
    open_array(objects, ref)
    path = objects.local(key_of(ref.digest))
    content = bytearray(path.read_bytes())
    content[700] ^= 1
    path.unlink()
    path.write_bytes(content if damage == "flipped" else b"")
    np.testing.assert_array_equal(open_array(objects, ref), ARRAY)


def test_what_is_damaged_in_the_store_is_refused(objects, elsewhere):
    ref = put_array(objects, ARRAY)
    records = RecordStorage(storage=objects)
    records.write_path("a" * 64, record("a" * 64, trained(combination(), W=ref, b=ref, history=ref, judged=None)))
    objects.ask(lambda store: store.put(key_of(ref.digest), b"scribble"))
    elsewhere()
    assert records.read_path("a" * 64)  # it is there, and is not fetched to be looked at
    with pytest.raises(StoreError, match="altered"):
        open_array(objects, ref)
    with pytest.raises(ValueError, match="is invalid"):
        records.read_path("a" * 64)


def test_a_record_whose_array_is_gone_does_not_count_despite_a_copy(objects, monkeypatch):
    ref = put_array(objects, ARRAY)
    records = RecordStorage(storage=objects)
    records.write_path("a" * 64, record("a" * 64, trained(combination(), W=ref, b=ref, history=ref, judged=None)))
    objects.ask(lambda store: store.delete(key_of(ref.digest)))
    monkeypatch.setattr("execution.storage.objects._there", set())
    with pytest.raises(ValueError, match="is invalid"):
        records.read_path("a" * 64)


def test_what_is_missing_is_an_error_that_names_it(objects, elsewhere):
    ref = put_file(objects, b"picture")
    objects.delete(key_of(ref.digest))
    with pytest.raises(StoreError, match=f"{objects.url}/files/.* cannot be read"):
        read_file(objects, ref)


def test_beyond_the_limit_the_longest_unused_arrays_go_from_here_alone(objects, monkeypatch):
    monkeypatch.setattr(copies, "LIMIT", 3.5 * (ARRAY.nbytes + 128))
    monkeypatch.setattr(copies, "IN_USE", 0)
    refs = [put_array(objects, ARRAY + n) for n in range(3)]
    for age, ref in enumerate(refs):
        path = objects.home / key_of(ref.digest)
        os.utime(path, ns=(1_000_000_000 * (100 - age), path.stat().st_mtime_ns))
    open_array(objects, refs[0])  # now it is the second that was not used for the longest time
    put_array(objects, ARRAY + 3)
    here = {path.name for path in (objects.home / "arrays").iterdir()}
    assert [key_of(ref.digest).split("/")[1] in here for ref in refs] == [True, True, False]
    np.testing.assert_array_equal(open_array(objects, refs[2]), ARRAY + 2)


def test_trainings_that_ask_after_every_epoch_ask_the_store_about_once_a_second(proxy, objects):
    for _ in range(500):
        assert not objects.exists("runs/a/stop")
    assert proxy.requests["HEAD", "runs"] <= 3
    objects.put("runs/a/stop", b"")
    assert objects.exists("runs/a/stop")


def test_folders_of_several_machines_come_together(proxy, objects, elsewhere, tmp_path):
    def made_by_wandb(name, content):
        made = objects.folder("wandb") / "offline-run-20260101-x"
        (made / "files" / "media").mkdir(parents=True)
        (made / "logs").mkdir()
        (made / f"run-{name}.wandb").write_bytes(content)
        (made / "files" / "media" / "a.png").write_bytes(b"png")
        (made / "logs" / "debug.log").write_bytes(b"log")
        hand_over(objects, made, f"wandb/offline-run-{name}")
        assert not made.exists()

    made_by_wandb("one", b"1")
    elsewhere()
    made_by_wandb("two", b"2")
    for _ in range(2):
        (folder,) = {path.parent for path in gather(objects, "wandb")}
        assert {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()} == {
            "offline-run-one/run-one.wandb": b"1", "offline-run-one/files/media/a.png": b"png",
            "offline-run-two/run-two.wandb": b"2", "offline-run-two/files/media/a.png": b"png",
        }  # fmt: skip
        assert proxy.requests["GET", "wandb"] == 4
    made_by_wandb("one", b"another try")
    (one,) = (path for path in gather(objects, "wandb") if path.name == "offline-run-one")
    assert (one / "run-one.wandb").read_bytes() == b"another try"
    assert proxy.requests["GET", "wandb"] == 6


def test_a_prefix_may_be_none_or_deep_or_of_any_alphabet(objects):
    for url in ("s3://bucket", "s3://bucket/ä-ö", f"{objects.url}/deep/er"):
        storage = ObjectStorage(url=url)
        storage.put("cache/a", b"one")
        assert storage.get("cache/a") == b"one"
        assert list(storage.list("cache")) == ["cache/a"]
        storage.delete("cache")
        assert not list(storage.list("cache"))
