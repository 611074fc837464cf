"""A power cut, anywhere: what was written after a file's last fsync may be gone, all else is there. Nothing is misread.

What the storage writes is recorded once, before each change of a name; each recording is then put on a disk as a cut
may leave it, and gone on with. As LazyFS does it (Ramos et al. 2024, doi:10.14778/3659437.3659442), but replayed.
"""

import logging
import os
import shutil
import sys
from pathlib import Path

import pytest

from execution.cache import checkpoints
from execution.config import RunContext
from execution.storage import arrays, layout
from execution.storage.folders import publish
from execution.storage.local import LocalStorage
from tests.simulation.steps import COMBINATIONS, EPOCHS, KEYS, epochs, recorded, step, truth

CHANGES = {"os.rename", "os.link", "os.symlink", "os.remove"}
FILES = {"summary.json": b"{}", "model.npz": b"weights"}


class Recorder:
    """What lies below a folder before each change of a name in it."""

    def __init__(self, root):
        self.root, self.on = root, True
        self.synced = {}  # what of each file has been, by its number
        self.disks = []
        self.known = {}
        sys.addaudithook(self.heard)

    def heard(self, event, arguments):
        if event in CHANGES and self.on and str(arguments[0]).startswith(str(self.root)):
            self.on = False
            self.record()
            self.on = True

    def record(self):
        disk = {}
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root)
            if path.is_symlink():
                disk[name] = path.readlink()
            elif path.is_file():
                stat = path.stat()
                state = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
                if state not in self.known:
                    self.known[state] = path.read_bytes()
                content = self.known[state]
                disk[name] = (content, content == self.synced.get(stat.st_ino))
            else:
                disk[name] = None
        self.disks.append(disk)

    def fsync(self, descriptor):
        self.synced[os.fstat(descriptor).st_ino] = Path(f"/proc/self/fd/{descriptor}").read_bytes()


def cut(disk, root, dice):
    """Put on a disk what a power cut leaves."""
    for name, entry in disk.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry is None:
            path.mkdir(exist_ok=True)
        elif isinstance(entry, Path):
            path.symlink_to(entry)
        else:
            content, synced = entry
            if not synced:  # none of it, a part, zeros in its place, or all
                part = content[: dice.randrange(len(content) + 1)]
                content = dice.choice([b"", part, part.ljust(len(content), b"\0"), content])
            path.write_bytes(content)


def execution_at(root):
    return RunContext(
        name="sweep", workers=1, wandb_mode="offline", wandb_project="p", flow_run="run", artifacts=root,
        checkpoint_seconds=0.0,
    )  # fmt: skip


def play(root):
    """A small sweep: trainings with a checkpoint after every epoch, what only one may write, and what is published."""
    execution = execution_at(root)
    storage = execution.storage
    storage.put("earlier/begun.json", b"first", durable=True)
    for combination in COMBINATIONS:
        step(execution, combination, "one", lambda combination=combination, **given: epochs(combination, **given))
    publish(storage, "sweeps/one", FILES)
    storage.put(layout.HISTORY, b"line", durable=True)


@pytest.fixture(scope="module")
def recorded_disks(tmp_path_factory):
    root = tmp_path_factory.mktemp("recorded")
    with pytest.MonkeyPatch.context() as patch:
        recorder = Recorder(root)
        patch.setattr(os, "fsync", recorder.fsync)
        play(root)
        recorder.record()
        recorder.on = False
    return recorder.disks


@pytest.mark.soak(1)
@pytest.mark.parametrize("turn", range(20))
def test_a_power_cut_loses_at_most_what_is_computed_again(recorded_disks, tmp_path, monkeypatch, dice, turn):
    monkeypatch.setattr(logging.getLogger("sweep"), "disabled", True)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    states = dict(truth())
    for number, disk in enumerate(recorded_disks):
        root = tmp_path / str(number)
        cut(disk, root, dice)
        storage = LocalStorage(root=root)
        for combination, state in states.items():
            key = checkpoints.key_of(KEYS[combination][: layout.IDENTITY])
            kept = checkpoints.load(storage, KEYS[combination][: layout.IDENTITY])
            assert (kept is not None) == (Path(key) in disk)
            if kept:
                assert kept.history == state.history[: len(kept.history)]
            found = recorded(storage, combination)
            assert found is None or found.lowest == state.lowest
        if Path("earlier/begun.json") in disk:
            assert storage.get("earlier/begun.json") == b"first"
        if storage.exists(layout.LATEST):
            assert {name: storage.get(f"{layout.LATEST}/{name}") for name in FILES} == FILES
        play(root)
        for combination, state in states.items():
            result = recorded(storage, combination)
            assert arrays.open_array(storage, result.W).tobytes() == state.best.W.tobytes()
            assert result.epochs == EPOCHS
        assert storage.get(layout.HISTORY) == b"line"
        shutil.rmtree(root)
