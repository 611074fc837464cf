"""Any bytes whatever are an array or a clear error."""

import gzip
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.data.formats import read_idx, read_npy
from experiment.data.own import own_data
from experiment.errors import DataError
from tests.execution.fetch.small import AS_IDX, FILES, IDX, RAW, flat, npy_bytes, own

headers = st.builds(
    lambda descr, order, shape, end: f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}{end}",
    st.sampled_from(["'|u1'", "'<f8'", "'|O'", "'V0'", "'S0'", "'<U9'", "[('a', '<f4')]", "'M8[s]'", "("]),
    st.sampled_from(["True", "False", "7"]),
    st.sampled_from(["(2, 3)", "()", "(0, 5)", "(-1, 4)", "'a'", f"({2**40},)", f"({2**70},)", "(" * 300]),
    st.sampled_from(["", "\n", " " * 20 + "\n", "]", "\\", "'"]),
)  # fmt: skip
npy_like = st.builds(
    lambda version, header, data: b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header.encode() + data,
    st.sampled_from([b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x09"]),
    headers | st.text(max_size=60),
    st.binary(max_size=60),
)


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """A good file with a few bytes changed and cut somewhere."""
    raw = bytearray(good)
    for _ in range(draw(st.integers(0, 3))):
        raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(raw[: draw(st.integers(0, len(raw)))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own(tmp_path_factory.mktemp("any"))


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300)
@given(
    content=st.binary(max_size=200)
    | npy_like
    | damaged(npy_bytes(flat(RAW["train_images"])))
    | damaged(npy_bytes(RAW["train_labels"].astype("f8")))
)
def test_any_bytes_as_npy_are_an_array_or_a_data_error(folder, content):
    for file in FILES[:2]:
        good = (folder / file).read_bytes()
        (folder / file).write_bytes(content)
        try:
            array = read_npy(folder / file)
            assert array.dtype.kind != "O"
            own_data(folder)
        except DataError as error:
            assert any(name in str(error) for name in FILES[:2])  # noqa: PT017
        finally:
            (folder / file).unlink()  # not overwritten: it may still be mapped
            (folder / file).write_bytes(good)


@settings(max_examples=200)
@given(
    content=st.binary(max_size=200)
    | st.binary(max_size=200).map(gzip.compress)
    | damaged(AS_IDX[IDX[1]])
    | damaged(gzip.decompress(AS_IDX[IDX[1]])).map(gzip.compress)
)
def test_any_bytes_as_idx_are_the_shape_asked_for_or_a_data_error(folder, content):
    (folder / "x.gz").write_bytes(content)
    try:
        assert read_idx(folder / "x.gz", (30,)).shape == (30,)
    except DataError as error:
        assert "x.gz" in str(error)  # noqa: PT017


def test_idx_longer_than_its_header_is_refused(tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(gzip.decompress(AS_IDX[IDX[1]]) + b"\0"))
    with pytest.raises(DataError, match="longer than the 30 bytes"):
        read_idx(tmp_path / "x.gz", (30,))
