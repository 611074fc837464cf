"""What a training reads."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from experiment.store import ArrayStore, StoreError

from execution.training import examples
from experiment.results import TrainingSet
from softmax.loss import grey_levels, normalized

LEVELS = np.arange(256, dtype=np.uint8).reshape(32, 8)


def stored(store, images):
    return TrainingSet(images=store.put(images), labels=store.put(np.arange(32)))


def test_images_are_read_as_grey_levels_if_that_is_what_they_are(tmp_path):
    store = ArrayStore(root=tmp_path)
    images, labels = examples(store, stored(store, normalized(LEVELS)))
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, LEVELS)
    np.testing.assert_array_equal(labels, np.arange(32))


def test_other_images_are_read_as_they_are(tmp_path):
    store = ArrayStore(root=tmp_path)
    inputs = normalized(LEVELS + 0.5)
    for expected in (inputs, normalized(LEVELS)[:, :4], inputs):  # one after the other, in one process
        images, _ = examples(store, stored(store, expected))
        np.testing.assert_array_equal(images if images.dtype == np.float32 else normalized(images), expected)


def test_workers_that_come_together_look_for_grey_levels_once(tmp_path, monkeypatch):
    calls, together = [], threading.Barrier(4)

    def slowly(inputs):
        calls.append(inputs.shape)
        time.sleep(0.2)
        return grey_levels(inputs)

    monkeypatch.setattr("execution.training.grey_levels", slowly)
    store = ArrayStore(root=tmp_path)
    training = stored(store, normalized(LEVELS))

    def work(_):
        together.wait()
        return examples(store, training)[0]

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(work, range(4))
    assert calls == [LEVELS.shape]
    assert all(images is first for images in others)


def test_a_damaged_file_is_noticed_though_its_levels_are_in_memory(tmp_path):
    store = ArrayStore(root=tmp_path)
    training = stored(store, normalized(LEVELS))
    examples(store, training)
    path = store.path(training.images.digest)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(StoreError, match="altered"):
        examples(store, training)
