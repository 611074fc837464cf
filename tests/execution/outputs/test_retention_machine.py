"""Sweeps that end or are killed, copies, foreign files and `clean`, in any order: what listed sweeps need survives.

Sweeps are made up, of records, arrays and W&B runs through the real storage: a folder, and an object store in memory.
"""

import hashlib
import json
import os
import shutil
import struct
import tempfile
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from obstore.store import MemoryStore
from wandb.proto.wandb_internal_pb2 import OutputRawRecord, Record, RunExitRecord  # type: ignore[attr-defined]

from execution import faults
from execution.cache.records import RecordStorage
from execution.outputs import retention
from execution.storage import arrays, client, folders, objects
from execution.storage.local import LocalStorage
from execution.storage.objects import ObjectStorage
from experiment.errors import InputError, InUse
from experiment.results.report import Report
from experiment.values import Result
from tests.made_up import combination, record, trained

FOREIGN = (
    "sweeps/notes.txt", "sweeps/.DS_Store", "cache/README", "arrays/mine.npy", "files/thesis.pdf", "wandb/debug.log",
    "checkpoints/epoch-7.ckpt", "locks/why.txt", "drafts/letter", "runs/todo",
)  # fmt: skip
POINTS = ("publish between", "publish in place", "publish linked")
names = st.sampled_from(["a", "b", "c", "night"])
trainings = st.sets(st.integers(0, 7), min_size=1, max_size=3)


class Killed(BaseException):
    """A SIGKILL, as far as the files go."""


def key_of(training: int) -> str:
    return hashlib.sha256(str(training).encode()).hexdigest()


def identity(training: int) -> str:
    return key_of(training)[:20]


def wandb_file(*records: Record) -> bytes:
    content = b":W&B\0\0\0"
    for each in records:
        data = each.SerializeToString()
        content += struct.pack("<IHB", zlib.crc32(data, zlib.crc32(b"\1")), len(data), 1) + data
    return content


class Machine(RuleBasedStateMachine):
    """On a folder."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.home = Path(tempfile.mkdtemp())
        self.storage = self.begin()
        self.clock = 0
        self.finished: dict[str, int] = {}  # when, by name of a sweep's folder
        self.needs: dict[str, set[int]] = {}  # which trainings, by name of a sweep's folder
        self.latest = ""
        self.foreign: set[str] = set()
        self.broken: dict[str, bytes] = {}  # summaries that somebody has damaged, as they were
        self.unsent: set[int] = set()  # W&B runs that ended
        self.files: dict[int, str] = {}  # what is sent with them

    def begin(self):
        return LocalStorage(root=self.home / "artifacts")

    def teardown(self) -> None:
        self.patch.undo()
        shutil.rmtree(self.home)

    # what sweeps do

    def train(self, training: int) -> None:
        storage = self.storage
        line = "nothing to send beside"
        if training % 2:
            sent = arrays.put_file(storage, f"picture {training % 3}".encode())
            self.files[training] = arrays.key_of(sent.digest)
            line = f"/somewhere/{self.files[training]}"
            result: Result = Report(files={"picture.png": sent}, page=None, preview=None)
        else:
            own, shared = (arrays.put_array(storage, np.full(9, value)) for value in (training, training % 3))
            result = trained(combination(), W=own, b=shared, history=own, judged=None)
        RecordStorage(storage=storage).write_path(key_of(training), record(key_of(training), result))
        file = wandb_file(Record(output_raw=OutputRawRecord(line=line)), Record(exit=RunExitRecord(exit_code=0)))
        run = f"wandb/offline-run-{identity(training)}"
        if not storage.exists(f"{run}/run-{identity(training)}.wandb"):
            storage.put(f"{run}/run-{identity(training)}.wandb", file)
            self.unsent.add(training)

    def publish(self, name: str, needs: set[int]) -> None:
        self.clock += 1
        runs = {"train": [identity(training) for training in sorted(needs)]}
        when = {"finished": f"2026-01-01T00:00:00.{self.clock:06}+00:00"}
        summary = {"name": name, "runs": runs, "provenance": when, "files": {}}
        content = {"summary.json": json.dumps(summary).encode()}
        folders.publish(self.storage, f"sweeps/{name}", content)

    def listed(self, name: str, needs: set[int]) -> None:
        self.finished[name], self.needs[name] = self.clock, needs
        self.broken.pop(name, None)

    @initialize(needs=trainings)
    def first(self, needs):
        self.end("night", needs)

    @rule(name=names, needs=trainings)
    def end(self, name, needs):
        for training in needs:
            self.train(training)
        self.publish(name, needs)
        self.listed(name, needs)
        self.latest = name

    @rule(needs=trainings, torn=st.booleans())
    def killed_on_the_way(self, needs, torn):
        """A sweep that never ends: its last training has a checkpoint, a lock and a W&B run without an end."""
        *done, last = sorted(needs)
        for training in done:
            self.train(training)
        self.storage.put(f"checkpoints/{identity(last)}.ckpt", b"state")
        self.storage.put(f"locks/{identity(last)}.lock", b"")
        self.storage.put(f"drafts/{uuid.uuid4().hex}", b"half")
        if torn and last not in self.unsent:
            run = f"wandb/offline-run-{identity(last)}"
            if not self.storage.exists(f"{run}/run-{identity(last)}.wandb"):
                self.storage.put(f"{run}/run-{identity(last)}.wandb", wandb_file(Record()))

    @rule(name=names, needs=trainings, point=st.sampled_from(POINTS))
    def killed_as_it_is_published(self, name, needs, point):
        for training in needs:
            self.train(training)
        with self.killed_at(point) as killed:
            self.publish(name, needs)
        if not killed:  # a store publishes without this point
            self.listed(name, needs)
            self.latest = name
        elif point == "publish between":  # the old one is nowhere that a person looks, but must come back
            self.finished.pop(name, None)
            self.needs.pop(name, None)
            self.broken.pop(name, None)
        else:
            self.listed(name, needs)

    @contextmanager
    def killed_at(self, point: str) -> Iterator[list[str]]:
        """Yield the point, in a list, once it has been reached."""
        reached: list[str] = []

        def passing(name: str) -> None:
            if name == point:
                reached.append(name)
                raise Killed

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(faults, "point", passing)
            with suppress(Killed):
                yield reached

    @rule(name=names)
    def send(self, name):
        for training in self.needs.get(name, ()):
            self.storage.put(f"wandb/offline-run-{identity(training)}/run-{identity(training)}.wandb.synced", b"")
            self.unsent.discard(training)

    # what people do

    @rule(name=st.sampled_from(FOREIGN))
    def put_something(self, name):
        self.storage.put(name, name.encode())
        self.foreign.add(name)

    @rule(name=names)
    def put_something_into_a_sweep(self, name):
        if name in self.needs:
            self.storage.put(f"sweeps/{name}/thesis.tex", b"mine")

    @rule(name=names, damage=st.sampled_from([b"", b"{}", b"[1", b'{"runs": {}}']))
    def damage(self, name, damage):
        if name in self.needs and name not in self.broken:
            self.broken[name] = self.storage.get(f"sweeps/{name}/summary.json")
            self.storage.put(f"sweeps/{name}/summary.json", damage)

    @precondition(lambda self: self.broken)
    @rule()
    def mend(self):
        for name, content in self.broken.items():
            self.storage.put(f"sweeps/{name}/summary.json", content)
        self.broken.clear()

    @rule(name=names)
    def copy_a_sweep(self, name):
        if name in self.needs and name not in self.broken:
            content = self.storage.get(f"sweeps/{name}/summary.json")
            self.storage.put(f"sweeps/copy-of-{name}/summary.json", content)
            self.finished[f"copy-of-{name}"], self.needs[f"copy-of-{name}"] = self.finished[name], self.needs[name]

    @rule(follow=st.booleans())
    def copy_all_of_it(self, follow):
        """With other times, and with `latest` as a folder if links are followed."""
        root = self.home / uuid.uuid4().hex
        shutil.copytree(
            self.storage.root, root, symlinks=not follow, copy_function=shutil.copy, ignore_dangling_symlinks=True
        )
        for folder in (root / "sweeps").iterdir():
            os.utime(folder, (0, 0), follow_symlinks=False)
        self.storage = LocalStorage(root=root)

    # clean

    @rule(keep=st.none() | st.integers(0, 3), unsent=st.booleans(), killed_after=st.none() | st.integers(0, 12))
    def clean(self, keep, unsent, killed_after):
        before = self.everything()
        storage = self.storage
        if self.broken:
            with pytest.raises(InputError, match="holds no readable summary"):
                retention.unneeded(storage, keep, unsent=unsent)
            assert self.everything() == before
            return
        found = retention.unneeded(storage, keep, unsent=unsent)
        assert self.everything() == before
        with self.killed_at_deletion(killed_after):
            retention.remove(storage, found, keep, unsent=unsent)
        there = {key.partition("/")[2] for key in storage.list("sweeps")}
        if killed_after is None:
            order = sorted(
                self.needs,
                key=lambda name: (name == self.latest, self.finished[name], "copy" not in name),
                reverse=True,
            )
            kept = set(order if keep is None else order[:keep])
            assert kept == there & self.needs.keys()
            needed = {training for name in kept for training in self.needs[name]}
            if not any(name.startswith((".", "latest.bad")) for name in there):
                recorded = {key.partition("/")[2] for key in storage.list("cache")} - {"README"}
                assert recorded <= {key_of(training) for training in needed}
            if unsent:
                self.unsent &= {training for training in self.unsent if self.whole_run(training)}
                assert self.unsent >= needed & set(self.unsent)
        elif unsent:
            self.unsent = {training for training in self.unsent if self.whole_run(training)}
        for name in self.needs.keys() - there:
            del self.needs[name], self.finished[name]

    @contextmanager
    def killed_at_deletion(self, number: int | None) -> Iterator[None]:
        deleted: list[str] = []
        delete = type(self.storage).delete

        def counted(storage, key: str) -> None:
            if number is not None and len(deleted) >= number:
                raise Killed
            deleted.append(key)
            delete(storage, key)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(self.storage), "delete", counted)
            with suppress(Killed):
                yield

    @rule(keep=st.integers(0, 1))
    def clean_while_a_sweep_runs(self, keep):
        with retention.in_use(self.storage, str(uuid.uuid4())):
            before = self.everything()
            with pytest.raises(InUse):
                retention.unneeded(self.storage, keep, unsent=True)
            assert self.everything() == before

    # what must hold

    def there(self, key: str) -> bool:
        return (self.storage.root / key).exists()

    def everything(self) -> dict[str, bytes]:
        """But for locks, which `clean` tries."""
        files = (path for path in self.storage.root.rglob("*") if path.is_file() and "locks" not in path.parts)
        return {str(path): path.read_bytes() for path in files}

    def whole_run(self, training: int) -> bool:
        return self.there(f"wandb/offline-run-{identity(training)}/run-{identity(training)}.wandb")

    @invariant()
    def whatever_a_listed_sweep_refers_to_survives(self):
        for name, needs in self.needs.items():
            assert self.there(f"sweeps/{name}/summary.json")
            for training in needs:
                content = self.storage.get(f"cache/{key_of(training)}")
                assert all(map(self.there, arrays.referred_to(content)))
                assert self.whole_run(training)

    @invariant()
    def what_was_never_sent_can_be_sent(self):
        for training in self.unsent:
            assert self.whole_run(training)
            assert training not in self.files or self.there(self.files[training])

    @invariant()
    def what_others_put_there_is_as_they_put_it(self):
        assert all(self.storage.get(name) == name.encode() for name in self.foreign)


class MemoryLock:
    """No lease, which takes its time to run out."""

    def __init__(self, held: set[str], url: str, key: str) -> None:
        self.held, self.url, self.key = held, url, key

    def acquire(self, timeout, given_up):
        if self.key in self.held:
            return False
        self.held.add(self.key)
        client.with_retry(self.url, lambda store: store.put(self.key, b""))
        return True

    def release(self) -> None:
        self.held.remove(self.key)
        client.with_retry(self.url, lambda store: store.delete(self.key))


class StoreMachine(Machine):
    """In an object store."""

    def begin(self):
        store = MemoryStore()
        self.patch.setattr(client, "connected", lambda url: store)
        self.patch.setattr(objects, "LeasedLock", partial(MemoryLock, set()))
        self.patch.setenv("XDG_CACHE_HOME", str(self.home))
        return ObjectStorage(url=f"s3://bucket/{uuid.uuid4().hex}")

    def copy_all_of_it(self, follow):
        """There are no times and no links."""

    def there(self, key):
        return self.storage.head(key) is not None

    def everything(self):
        return {
            entry["path"]: self.storage.get(entry["path"])
            for entry in self.storage.below("")
            if not entry["path"].startswith("locks/")
        }


TestFolder = Machine.TestCase
TestStore = StoreMachine.TestCase
TestFolder.settings = settings(max_examples=25, stateful_step_count=15)
TestStore.settings = settings(max_examples=20, stateful_step_count=15)
