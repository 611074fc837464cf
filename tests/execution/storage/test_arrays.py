"""Arrays and files under the digests of their bytes."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from execution.cache.closure import PARSING
from execution.storage import arrays
from execution.storage.arrays import arrays_in, open_array, put_array, put_file, read_file
from execution.storage.local import LocalStorage
from experiment.errors import StoreError
from experiment.values import ArrayRef, TrainingSet

ARRAYS = hnp.arrays(
    st.sampled_from([np.uint8, np.int64, np.float32, np.float64]), hnp.array_shapes(min_dims=1, max_dims=3, min_side=0)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return LocalStorage(root=tmp_path_factory.mktemp("storage"))


@settings(max_examples=50)
@given(array=ARRAYS, fortran=st.booleans())
def test_what_is_put_is_what_is_opened_read_only_and_in_its_memory_order(folder, array, fortran):
    array = np.asarray(array, order="F" if fortran else "C")
    opened = open_array(folder, put_array(folder, array))
    np.testing.assert_array_equal(opened, array)
    assert opened.dtype == array.dtype
    assert opened.flags.f_contiguous == array.flags.f_contiguous
    assert not opened.flags.writeable


def test_while_another_thread_parses_no_header_is_parsed(storage):
    ref = put_array(storage, np.arange(5))
    with ThreadPoolExecutor(1) as pool:
        with PARSING:
            opened = pool.submit(open_array, storage, ref)
            with pytest.raises(TimeoutError):
                opened.result(0.1)
        np.testing.assert_array_equal(opened.result(), np.arange(5))


def test_the_same_array_is_stored_once(storage):
    one, same, other = (put_array(storage, np.arange(n)) for n in (5, 5, 6))
    assert one == same != other
    assert len(list(storage.list("arrays"))) == 2
    assert not list(storage.list("drafts"))
    np.testing.assert_array_equal(open_array(storage, one), np.arange(5))


def test_the_store_can_move(tmp_path):
    ref = put_array(LocalStorage(root=tmp_path / "here"), np.arange(5))
    (tmp_path / "here").rename(tmp_path / "there")
    np.testing.assert_array_equal(open_array(LocalStorage(root=tmp_path / "there"), ref), np.arange(5))


def test_objects_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        put_array(LocalStorage(root=tmp_path), np.array([{}], dtype=object))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("damage", ["deleted", "emptied", "truncated", "flipped", "a directory"])
@pytest.mark.parametrize("kind", ["array", "file"])
def test_what_is_damaged_is_noticed_even_after_it_was_found_whole(tmp_path, kind, damage):
    storage = LocalStorage(root=tmp_path)
    if kind == "array":
        ref, read = put_array(storage, np.arange(1000)), open_array
    else:
        ref, read = put_file(storage, bytes(range(256)) * 8), read_file
    read(storage, ref)
    path = storage.local(arrays.key_of(ref.digest))
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "a directory":
        path.mkdir()
    elif damage != "deleted":
        content[700] ^= 1
        path.write_bytes({"emptied": b"", "truncated": content[:-1], "flipped": content}[damage])
    with pytest.raises(StoreError, match=path.name):
        read(storage, ref)


def test_a_record_refers_to_its_arrays_and_files_however_it_is_quoted(storage):
    array, file = put_array(storage, np.arange(3)), put_file(storage, b"picture")
    record = f'{{"result": "{{\\"W\\": \\"{array.digest}\\", \\"files\\": [\\"{file.digest}\\"]}}"}}'
    assert arrays.referred_to(record.encode()) == {arrays.key_of(array.digest), arrays.key_of(file.digest)}
    assert all(storage.exists(key) for key in arrays.referred_to(record.encode()))


HEADER = "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}"
HEADERS = [
    HEADER.format("'<i8'", "False", "(3,)"), HEADER.format("'|O'", "False", "(1,)"), "{" * 900, "()", "[1",
    HEADER.format("'<i8'", "False", "(-1, 3)"), HEADER.format("'<i8'", "False", "(4611686018427387904, 4)"),
    HEADER.format("'<f4'", "1", "(6,)"), HEADER.format("[('a', '<i4')]", "False", "(6,)"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:overflow")
@settings(max_examples=150)
@given(
    content=st.binary(max_size=200)
    | st.builds(
        lambda header, rest: b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + rest,
        st.sampled_from(HEADERS) | st.text(st.characters(max_codepoint=127), max_size=90),
        st.binary(max_size=40),
    )
)
def test_a_forged_array_is_what_its_reference_says_or_refused(folder, content):
    digest = hashlib.sha256(content).hexdigest()
    folder.put(f"arrays/{digest}.npy", content)
    ref = ArrayRef(digest=f"sha256:{digest}", shape=(3,), dtype="int64")
    try:
        assert open_array(folder, ref).tobytes() in content
    except StoreError as error:
        assert "Run the sweep again" in str(error)  # noqa: PT017
        assert not folder.exists(f"arrays/{digest}.npy")


def test_the_arrays_of_a_steps_inputs_are_found_in_models_lists_and_dicts():
    one, two, three = (ArrayRef(digest=f"sha256:{n:064}", shape=(n,), dtype="uint8") for n in range(3))
    jobs = [{"data": TrainingSet(images=one, labels=two, classes=2), "seed": 1}, {"data": (three, None), "seed": 2}]
    assert set(arrays_in({"jobs": jobs, "name": "train"})) == {one, two, three}
