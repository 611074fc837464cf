import numpy as np
import pytest
from experiment.store import ArrayStore, StoreError
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

ARRAYS = hnp.arrays(
    st.sampled_from([np.uint8, np.int64, np.float32, np.float64]), hnp.array_shapes(min_dims=1, max_dims=3, min_side=0)
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return ArrayStore(root=tmp_path_factory.mktemp("store"))


@settings(deadline=None, max_examples=50)
@given(array=ARRAYS, fortran=st.booleans())
def test_what_is_put_is_what_is_opened_read_only_and_in_its_memory_order(store, array, fortran):
    array = np.asarray(array, order="F" if fortran else "C")
    opened = store.open(store.put(array))
    np.testing.assert_array_equal(opened, array)
    assert opened.dtype == array.dtype
    assert opened.flags.f_contiguous == array.flags.f_contiguous
    assert not opened.flags.writeable


def test_the_same_array_is_stored_once(tmp_path):
    store = ArrayStore(root=tmp_path)
    assert store.put(np.arange(5)) == store.put(np.arange(5)) != store.put(np.arange(6))
    assert len(list(tmp_path.iterdir())) == 2


def test_the_store_can_move(tmp_path):
    ref = ArrayStore(root=tmp_path / "here").put(np.arange(5))
    (tmp_path / "here").rename(tmp_path / "there")
    np.testing.assert_array_equal(ArrayStore(root=tmp_path / "there").open(ref), np.arange(5))


def test_objects_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        ArrayStore(root=tmp_path).put(np.array([{}], dtype=object))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["deleted", "emptied", "truncated", "flipped", "a directory"])
def test_a_damaged_file_is_noticed_even_after_it_was_found_whole(tmp_path, damage):
    store = ArrayStore(root=tmp_path)
    ref = store.put(np.arange(1000))
    store.open(ref)
    path = store.path(ref.digest)
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "a directory":
        path.mkdir()
    elif damage != "deleted":
        content[700] ^= 1
        path.write_bytes({"emptied": b"", "truncated": content[:-1], "flipped": content}[damage])
    with pytest.raises(StoreError, match=path.name):
        store.open(ref)
