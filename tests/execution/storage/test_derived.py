"""What is computed of an array once and shared: images as grey levels."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from execution.storage.arrays import derived, key_of, put_array
from execution.storage.local import LocalStorage
from experiment.errors import StoreError
from softmax.loss import compact, normalized

LEVELS = np.arange(256, dtype=np.uint8).reshape(32, 8)


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(root=tmp_path)


def test_images_are_read_as_grey_levels_if_that_is_what_they_are(storage):
    images = derived(storage, put_array(storage, normalized(LEVELS)), compact)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, LEVELS)


def test_other_images_are_read_as_they_are(storage):
    inputs = normalized(LEVELS + 0.5)
    for expected in (inputs, normalized(LEVELS)[:, :4], inputs):  # one after the other, in one process
        images = derived(storage, put_array(storage, expected), compact)
        np.testing.assert_array_equal(images if images.dtype == np.float32 else normalized(images), expected)


def test_workers_that_come_together_have_it_computed_once(storage):
    calls, together = [], threading.Barrier(4)

    def slowly(inputs):
        calls.append(inputs.shape)
        time.sleep(0.2)
        return compact(inputs)

    ref = put_array(storage, normalized(LEVELS))

    def work(_):
        together.wait()
        return derived(storage, ref, slowly)

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(work, range(4))
    assert calls == [LEVELS.shape]
    assert all(images is first for images in others)


def test_a_damaged_file_is_noticed_though_what_it_gave_is_in_memory(storage):
    ref = put_array(storage, normalized(LEVELS))
    derived(storage, ref, compact)
    path = storage.local(key_of(ref.digest))
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(StoreError, match="altered"):
        derived(storage, ref, compact)
