"""What `Storage` promises, of the storage that is a folder and of the one in an object store."""

import errno
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from execution.storage.choose import check, file_at
from execution.storage.files import draft
from execution.storage.folders import publish, size
from execution.storage.local import LocalStorage
from experiment.errors import InputError


def never():
    return False


def test_what_is_put_is_what_is_got_until_it_is_deleted(store):
    assert not store.exists("cache/a")
    with pytest.raises(FileNotFoundError):
        store.get("cache/a")
    for content in (b"one", b"", b"other"):
        store.put("cache/a", content, durable=bool(content))
        assert store.exists("cache/a")
        assert store.get("cache/a") == content
    store.delete("cache/a")
    store.delete("cache/a")
    assert not store.exists("cache/a")
    assert not list(store.list("drafts"))


def test_a_listing_gives_the_keys_directly_below_in_order(store):
    for key in ("cache/b", "cache/a", "cache/c/d"):
        store.put(key, b"12345")
    assert list(store.list("cache")) == ["cache/a", "cache/b", "cache/c"]
    assert list(store.list("nothing")) == []
    assert list(store.list("cache/a")) == []
    store.delete("cache")
    assert list(store.list("cache")) == []


def test_the_size_is_that_of_an_object_or_of_everything_below(storage):
    for key in ("cache/b", "cache/a", "cache/c/d"):
        storage.put(key, b"12345")
    assert [size(storage, key) for key in ("cache/a", "cache/c", "cache")] == [5, 5, 15]


def test_what_is_set_aside_is_found_by_a_person_and_by_nobody_else(store):
    for content in (b"one", b"two"):
        store.put("cache/a", content)
        store.set_aside("cache/a")
    assert not store.exists("cache/a")
    aside = list(store.list("cache"))
    assert all(key.startswith("cache/a.bad-") for key in aside)
    assert [store.get(key) for key in aside] == [b"one", b"two"]


def test_a_folder_in_place_of_an_object_or_of_a_lock_is_set_aside(tmp_path):
    storage = LocalStorage(root=tmp_path)
    for key in ("cache/a", "locks/a.lock"):
        (tmp_path / key).mkdir(parents=True)
    storage.put("cache/a", b"one")
    assert storage.get("cache/a") == b"one"
    assert storage.lock("locks/a.lock").acquire(0, given_up=never)
    assert len(list(tmp_path.glob("*/a*.bad-*"))) == 2


def test_a_file_is_moved_into_the_storage_and_one_that_fails_leaves_nothing(store):
    def fail(file):
        file.write(b"half")
        raise OSError("disk full")

    with draft(store.folder("drafts")) as file:
        file.write(b"whole")
        file.flush()
        store.put("arrays/a", Path(file.name))
    with pytest.raises(OSError, match="disk full"), draft(store.folder("drafts")) as file:
        fail(file)
    assert store.get("arrays/a") == b"whole"
    assert store.local("arrays/a").read_bytes() == b"whole"
    assert not list(store.folder("drafts").iterdir())


def test_a_lock_is_held_by_one_until_it_is_released_or_the_other_gives_up(store):
    one, two = store.lock("locks/a.lock"), store.lock("locks/a.lock")
    assert one.acquire(None, given_up=never)
    assert not two.acquire(0, given_up=never)
    with ThreadPoolExecutor(1) as elsewhere:
        assert not elsewhere.submit(two.acquire, None, given_up=lambda: True).result()
    one.release()
    assert two.acquire(0, given_up=never)


REPLACED = {"x", "y"}


def test_a_published_folder_is_whole_replaces_the_earlier_one_and_is_the_latest(storage, tmp_path):
    publish(storage, "sweeps/a", {"x": b"1", "y": b"2"}, REPLACED)
    publish(storage, "sweeps/b", {"x": b"3"}, REPLACED)
    assert storage.get("sweeps/latest/x") == b"3"
    publish(storage, "sweeps/a", {"z": b"4"}, REPLACED)
    assert list(storage.list("sweeps")) == ["sweeps/a", "sweeps/b", "sweeps/latest"]
    assert list(storage.list("sweeps/latest")) == ["sweeps/latest/z"]
    assert storage.local("sweeps/latest/z").read_bytes() == b"4"
    if not storage.remote:
        tmp_path.rename(tmp_path.with_name("moved"))
        assert (tmp_path.with_name("moved") / "sweeps" / "latest" / "z").read_bytes() == b"4"  # the link is relative


def test_what_a_person_put_into_a_sweeps_folder_stays(storage):
    publish(storage, "sweeps/a", {"x": b"1", "y": b"2"}, REPLACED)
    storage.put("sweeps/a/thesis.tex", b"mine")
    storage.put("sweeps/a/drafts/one/two", b"mine, too")
    publish(storage, "sweeps/a", {"x": b"3"}, REPLACED)
    assert list(storage.list("sweeps/a")) == [f"sweeps/a/{name}" for name in ("drafts", "thesis.tex", "x")]
    assert storage.get("sweeps/a/drafts/one/two") == b"mine, too"
    assert storage.get("sweeps/a/x") == b"3"


def test_a_sweep_killed_between_its_folders_is_there_again(tmp_path):
    storage = LocalStorage(root=tmp_path)
    publish(storage, "sweeps/a", {"x": b"1"}, REPLACED)
    storage.put("sweeps/a/mine", b"mine")
    (tmp_path / "sweeps" / "a").rename(tmp_path / "sweeps" / ".a.1.old")
    publish(storage, "sweeps/a", {"x": b"2"}, REPLACED)
    assert sorted(storage.list("sweeps")) == ["sweeps/a", "sweeps/latest"]
    assert storage.get("sweeps/a/mine") == b"mine"


@pytest.fixture
def without_links(monkeypatch):
    """As on exFAT."""

    def refuse(*_, **__):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.symlink", refuse)


def test_a_file_system_without_links_does(without_links, tmp_path):
    storage = LocalStorage(root=tmp_path)
    check(storage, space=1)
    for name in ("a", "b"):
        publish(storage, f"sweeps/{name}", {"x": name.encode()}, REPLACED)
    assert (tmp_path / "sweeps" / "latest").read_text() == "b"
    assert storage.get("sweeps/latest/x") == b"b"
    assert list(storage.list("sweeps/latest")) == ["sweeps/latest/x"]
    assert file_at(str(tmp_path / "sweeps" / "latest" / "x")).read_bytes() == b"b"
    assert not storage.exists("sweeps/latest/y")


def test_a_root_that_was_copied_with_links_followed_goes_on(tmp_path):
    publish(LocalStorage(root=tmp_path / "a"), "sweeps/a", {"x": b"1"}, REPLACED)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    storage = LocalStorage(root=tmp_path / "b")
    publish(storage, "sweeps/b", {"x": b"2"}, REPLACED)
    assert storage.get("sweeps/latest/x") == b"2"
    (aside,) = (key for key in storage.list("sweeps") if "latest.bad-" in key)
    assert storage.get(f"{aside}/x") == b"1"


def test_a_file_system_without_locks_is_refused_before_anything_begins(monkeypatch, tmp_path):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(InputError, match=r"is on a file system without locks .*No locks available"):
        check(LocalStorage(root=tmp_path / "new"), space=1)
    assert list(tmp_path.iterdir()) == []
