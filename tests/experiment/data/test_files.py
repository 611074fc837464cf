"""Arrays in folders and archives, under the names that people give them."""

import gzip
import struct

import numpy as np
import pytest

from experiment.data.own import own_data
from experiment.errors import DataError
from tests.execution.fetch.small import AS_IDX, RAW, flat, npy_bytes, write

KERAS = dict(zip(("x_train", "y_train", "x_test", "y_test"), RAW.values(), strict=True))


def is_the_small_one(data):
    for array, raw in zip(data.arrays, RAW.values(), strict=True):
        np.testing.assert_array_equal(array, flat(raw))
    assert data.class_names == ("0", "1", "2")
    assert data.picture == (4, 5)


@pytest.mark.parametrize("prefix", ["", "fashion_mnist_", "my-"])
def test_npy_files_of_any_prefix(tmp_path, prefix):
    write(tmp_path, {f"{prefix}{name}.npy": npy_bytes(array) for name, array in RAW.items()})
    is_the_small_one(own_data(tmp_path))


def test_idx_files_packed_and_unpacked(tmp_path):
    write(tmp_path / "packed", AS_IDX)
    is_the_small_one(own_data(tmp_path / "packed"))
    write(tmp_path / "plain", {name.removesuffix(".gz"): gzip.decompress(file) for name, file in AS_IDX.items()})
    is_the_small_one(own_data(tmp_path / "plain"))


@pytest.mark.parametrize(("kind", "dtype"), [(9, ">i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")])
def test_idx_files_of_other_numbers(tmp_path, kind, dtype):
    numbers = (RAW["train_images"].astype(float) - 100).astype(dtype)
    packed = struct.pack(">HBB3I", 0, kind, 3, *numbers.shape) + numbers.tobytes()
    write(tmp_path, AS_IDX | {"train-images-idx3-ubyte.gz": gzip.compress(packed)})
    np.testing.assert_array_equal(own_data(tmp_path).arrays.train_images, flat(numbers))


@pytest.mark.parametrize("names", [KERAS, RAW], ids=["keras", "ours"])
def test_an_archive(tmp_path, names):
    np.savez_compressed(tmp_path / "set.npz", **names)
    is_the_small_one(own_data(tmp_path / "set.npz"))


def test_an_archive_without_test_part_is_split_the_same_each_time(tmp_path):
    texts = np.array(["boot", "shirt", "bag"])[RAW["train_labels"]]
    np.savez(tmp_path / "set.npz", x_train=RAW["train_images"], y_train=texts)
    one, same, other = (own_data(tmp_path / "set.npz", seed=seed) for seed in (1, 1, 2))
    assert one.class_names == ("bag", "boot", "shirt")
    assert len(one.arrays.test_labels) == 8
    np.testing.assert_array_equal(one.arrays.test_images, same.arrays.test_images)
    assert not np.array_equal(one.arrays.test_images, other.arrays.test_images)
    rows = np.concatenate([one.arrays.train_images, one.arrays.test_images])
    assert len(np.unique(np.r_[rows, flat(RAW["train_images"])], axis=0)) == 30


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"x_train": np.array([[1, None]] * 30)}, "not an .npz of plain arrays .*pickle"),
        ({"y_train": None}, "holds x_train, x_test, y_test; name its arrays x_train, y_train"),
        ({"x_train": RAW["train_images"] / np.nan}, "x_train: nan in image 0, feature 0"),
        ({"x_test": np.zeros((10, 3))}, "x_test: 3 features an image, 20 in .*x_train"),
        ({"x_train": np.full((30, 2), np.inf)}, "inf in image 0"),
    ],
)
def test_an_archive_that_cannot_be_used_is_refused(tmp_path, change, says):
    np.savez(tmp_path / "set.npz", **{name: array for name, array in (KERAS | change).items() if array is not None})
    with pytest.raises(DataError, match=says) as error:
        own_data(tmp_path / "set.npz")
    assert str(error.value).startswith(str(tmp_path / "set.npz"))


def test_a_damaged_archive_and_files_of_other_kinds_are_refused(tmp_path):
    np.savez(tmp_path / "set.npz", **KERAS)
    content = (tmp_path / "set.npz").read_bytes()
    for broken in (content[: len(content) // 2], b"", b"no archive", content[:300] + b"!" + content[301:]):
        (tmp_path / "set.npz").write_bytes(broken)
        with pytest.raises(DataError, match=r"set\.npz"):
            own_data(tmp_path / "set.npz")
    (tmp_path / "set.txt").touch()
    with pytest.raises(DataError, match=r"not a folder, \.npz, \.csv or \.parquet file"):
        own_data(tmp_path / "set.txt")


def test_two_sets_in_one_folder_or_none_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"no data found; put there …train_images\.npy"):
        own_data(tmp_path)
    write(tmp_path, {f"{prefix}{name}.npy": npy_bytes(array) for name, array in RAW.items() for prefix in "ab"})
    with pytest.raises(DataError, match=r"atrain_images.npy, btrain_images.npy all stand there; keep one data set"):
        own_data(tmp_path)
