"""Of the processes of a machine one compiles the kernel."""

import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from execution.steps import compiled
from softmax import kernels
from tests.patience import PATIENCE
from tests.trainings import train


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where compiled code would be kept."""
    monkeypatch.setattr(kernels, "_epoch", SimpleNamespace(stats=SimpleNamespace(cache_path=str(tmp_path))))
    return tmp_path


def test_where_nothing_is_compiled_one_begins_and_the_others_wait_until_it_is(folder):
    compiles, done = threading.Event(), threading.Event()
    said = []

    def first():
        compiles.set()
        assert done.wait(PATIENCE)
        (folder / "kernels._epoch-1.py311.nbi").touch()
        said.append("compiled")
        yield from (1, 2)

    def other():
        said.append("loaded")
        yield from (1, 2)

    one = threading.Thread(target=lambda: said.append(list(compiled.by_one(first)())))
    one.start()
    assert compiles.wait(PATIENCE)
    two = threading.Thread(target=lambda: said.append(list(compiled.by_one(other)())))
    two.start()
    two.join(0.3)  # it would have begun
    assert said == []
    done.set()
    one.join()
    two.join()
    assert said.index("compiled") < said.index("loaded")
    assert said.count([1, 2]) == 2


def test_where_something_is_compiled_nobody_waits(folder):
    (folder / "kernels._epoch-1.py311.nbi").touch()
    training = compiled.by_one(lambda: iter((1, 2)))()
    assert next(training) == 1
    assert list(compiled.by_one(lambda: iter((1, 2)))()) == [1, 2]


def test_a_training_that_is_stopped_before_its_first_epoch_lets_the_others_go(folder):
    assert list(compiled.by_one(lambda: iter(()))()) == []
    assert list(compiled.by_one(lambda: iter((1,)))()) == [1]


def test_a_compiled_kernel_is_known_by_its_file():
    images, both = np.zeros((2, 4), np.float32), np.arange(2)
    short = {"classes": 2, "learning_rate": 0.1, "batch_size": 1, "alpha": 0.0, "max_epochs": 1, "seed": 0}
    next(train(images, both, both, both, **short, patience=None))
    assert compiled.compiled(Path(kernels._epoch.stats.cache_path))
