"""Where a training stood, kept and found again."""

import copy
import hashlib
import io
import logging

import numpy as np
import pytest

from execution.cache import checkpoints
from execution.storage.local import LocalStorage
from tests.trainings import train

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.uniform(-0.5, 0.5, (60, 5)).astype(np.float32), RNG.integers(0, 3, 60)
RECIPE = {"classes": 3, "learning_rate": 0.1, "batch_size": 8, "alpha": 0.0, "max_epochs": 9, "seed": 1}


def states(**more):
    return train(IMAGES, LABELS, np.arange(40), np.arange(40, 60), **RECIPE, **more)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("average", [False, True])
def test_a_training_continued_from_a_checkpoint_is_bit_for_bit_the_same(storage, average, momentum):
    how = {"average": average, "momentum": momentum, "decay": "cosine"}
    for state in states(**how):
        if len(state.history) == 4:
            checkpoints.save(storage, "mine", state)
    *_, resumed = states(**how, state=checkpoints.load(storage, "mine"))
    assert resumed.history == state.history
    assert len(resumed.moments) == len(state.moments) == (1 if momentum else 0)
    pairs = zip((resumed.best, resumed.last, *resumed.moments), (state.best, state.last, *state.moments), strict=True)
    for one, other in (arrays for pair in pairs for arrays in zip(*pair, strict=True)):
        assert one.tobytes("A") == other.tobytes("A")
        assert one.flags.f_contiguous == other.flags.f_contiguous


def test_a_diverged_training_stays_diverged(store):
    with np.errstate(all="ignore"):
        *_, state = train(
            IMAGES, LABELS, np.arange(40), np.arange(40, 60), **RECIPE | {"learning_rate": 1e38, "alpha": 1e5}
        )
    checkpoints.save(store, "mine", state)
    assert checkpoints.load(store, "mine").diverged


def test_no_checkpoint_is_no_state(storage):
    assert checkpoints.load(storage, "mine") is None


FORGED = ("no archive", "half an archive", "other fields")  # with a digest that is theirs


@pytest.mark.parametrize("damage", ["emptied", "truncated", "flipped", "a directory", "foreign", "a pickle", *FORGED])
def test_a_damaged_or_foreign_checkpoint_is_set_aside_with_one_warning(tmp_path, damage, caplog):
    storage = LocalStorage(root=tmp_path)
    path = tmp_path / "checkpoints" / "mine.ckpt"
    owner = "another" if damage == "foreign" else "mine"
    checkpoints.save(storage, owner, copy.deepcopy(next(states())))
    path.with_stem(owner).rename(path)
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "a directory":
        path.mkdir()
    else:
        flipped = bytearray(content)
        flipped[len(content) // 2] ^= 1
        buffer = io.BytesIO()
        np.savez(buffer, identity="mine")
        forged = dict(zip(FORGED, (b"", b"PK\x03\x04", buffer.getvalue()), strict=True))
        damaged = {name: hashlib.sha256(forge).digest() + forge for name, forge in forged.items()}
        damaged |= {"emptied": b"", "truncated": content[:-9], "flipped": flipped, "a pickle": b"\x80\x04N."}
        path.write_bytes(damaged.get(damage, content))
    with caplog.at_level(logging.WARNING, "sweep"):
        assert checkpoints.load(storage, "mine") is None
    assert len(caplog.records) == 1
    assert not path.exists()
    assert len(list(path.parent.glob("mine.ckpt.bad-*"))) == 1
