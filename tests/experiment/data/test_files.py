"""Arrays in folders and archives, under the names that people give them."""

import gzip
import re
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
    assert data.info.class_names == ("0", "1", "2")
    assert data.info.picture == (4, 5)


@pytest.mark.parametrize("prefix", ["", "fashion_mnist_", "my-"])
def test_npy_files_of_any_prefix(tmp_path, prefix):
    write(tmp_path, {f"{prefix}{name}.npy": npy_bytes(array) for name, array in RAW.items()})
    is_the_small_one(own_data(tmp_path))


def test_idx_files_packed_and_unpacked(tmp_path):
    write(tmp_path / "packed", AS_IDX)
    is_the_small_one(own_data(tmp_path / "packed"))
    write(tmp_path / "plain", {name.removesuffix(".gz"): gzip.decompress(file) for name, file in AS_IDX.items()})
    is_the_small_one(own_data(tmp_path / "plain"))


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name.replace("-idx", ".idx"),
        lambda name: f"emnist-letters-{name}".replace("t10k", "test"),
        lambda name: f"emnist-letters-{name}".replace("t10k", "test").removesuffix(".gz"),
    ],
)
def test_idx_files_under_the_names_that_people_and_emnist_give_them(tmp_path, rename):
    files = {rename(name): file for name, file in AS_IDX.items()}
    write(tmp_path, {name: file if name.endswith(".gz") else gzip.decompress(file) for name, file in files.items()})
    is_the_small_one(own_data(tmp_path))
    (tmp_path / rename("t10k-labels-idx1-ubyte.gz")).unlink()
    with pytest.raises(DataError, match=re.escape(f"{rename('t10k-labels-idx1-ubyte.gz')} missing")):
        own_data(tmp_path)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("sizes", [">3I", "<3I"])
def test_an_idx_file_that_promises_more_than_memory_is_refused_before_it_is_had(tmp_path, packed, sizes):
    content = struct.pack(">I", 0x803) + struct.pack(sizes, 60_000, 65_535, 2**31 - 1) + b"x" * 100
    name = "train-images-idx3-ubyte"
    files = {path.removesuffix(".gz"): gzip.decompress(file) for path, file in AS_IDX.items()} | {name: content}
    write(tmp_path, {f"{n}.gz": gzip.compress(c) for n, c in files.items()} if packed else files)
    with pytest.raises(DataError, match=f"{name}.*: shorter than the [0-9]+ bytes that its header states"):
        own_data(tmp_path)


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


def test_labels_as_a_column_or_one_hot_are_understood_with_a_word(tmp_path):
    y = RAW["train_labels"]
    for labels, said in ((y[:, None], "train_labels: a column of labels"), (np.eye(3)[y], "one-hot, classes 0 to 2")):
        np.savez(tmp_path / "set.npz", X_train=RAW["train_images"], Y_train=labels, ids=np.arange(30))
        data = own_data(tmp_path / "set.npz")
        assert data.info.class_names == ("0", "1", "2")
        assert np.bincount(np.r_[data.arrays.train_labels, data.arrays.test_labels]).tolist() == [10, 10, 10]
        assert said in data.info.note
        assert "not used: ids" in data.info.note


def test_pictures_keep_their_shape_and_rows_are_pictures_if_told(tmp_path):
    X, y = RAW["train_images"], RAW["train_labels"]
    np.savez(tmp_path / "set.npz", x_train=X.reshape(30, 10, 2), y_train=y)
    assert own_data(tmp_path / "set.npz").info.picture == (10, 2)
    with pytest.raises(DataError, match="pictures of 10x2; leave --pictures out"):
        own_data(tmp_path / "set.npz", pictures="4x5")
    np.savez(tmp_path / "set.npz", x_train=flat(X)[:, :16], y_train=y)
    data = own_data(tmp_path / "set.npz")
    assert (data.info.picture, data.info.understood) == (None, "16 features; if they are pictures: --pictures 4x4")
    assert own_data(tmp_path / "set.npz", pictures="2x8").info.picture == (2, 8)
    with pytest.raises(DataError, match="16 features are not pictures of 28x28; change --pictures"):
        own_data(tmp_path / "set.npz", pictures="28x28")
    np.savez(tmp_path / "set.npz", x_train=X, y_train=y, x_test=RAW["test_images"].reshape(10, 5, 4), y_test=y[:10])
    with pytest.raises(DataError, match=r"x_test: pictures of another shape than in .*x_train"):
        own_data(tmp_path / "set.npz")


@pytest.mark.parametrize("axis", [1, 3])
def test_grey_pictures_may_have_a_channel(tmp_path, axis):
    given = {name: np.expand_dims(array, axis) if name[0] == "x" else array for name, array in KERAS.items()}
    np.savez(tmp_path / "set.npz", **given)
    data = own_data(tmp_path / "set.npz")
    assert data.info.picture == RAW["train_images"].shape[1:]
    np.testing.assert_array_equal(data.arrays.test_images, flat(RAW["test_images"]))


def test_an_archive_without_test_part_is_split_the_same_each_time(tmp_path):
    texts = np.array(["boot", "shirt", "bag"])[RAW["train_labels"]]
    np.savez(tmp_path / "set.npz", x_train=RAW["train_images"], y_train=texts)
    one, same, other = (own_data(tmp_path / "set.npz", seed=seed) for seed in (1, 1, 2))
    assert one.info.class_names == ("bag", "boot", "shirt")
    assert len(one.arrays.test_labels) == 8
    np.testing.assert_array_equal(one.arrays.test_images, same.arrays.test_images)
    assert not np.array_equal(one.arrays.test_images, other.arrays.test_images)
    rows = np.concatenate([one.arrays.train_images, one.arrays.test_images])
    assert len(np.unique(np.r_[rows, flat(RAW["train_images"])], axis=0)) == 30


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"x_train": np.array([[1, None]] * 30)}, r"holds Python objects.* array.astype\(str\)"),
        ({"y_train": None}, "holds x_train, x_test, y_test; name its arrays x_train, y_train"),
        ({"x_train": RAW["train_images"] / np.nan}, "x_train: nan in image 0, feature 0"),
        ({"x_test": np.zeros((10, 3))}, "x_test: 3 features per image, but 20 in .*x_train"),
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
    with pytest.raises(DataError, match=r"no data found; provide …train_images\.npy"):
        own_data(tmp_path)
    write(tmp_path, {f"{prefix}{name}.npy": npy_bytes(array) for name, array in RAW.items() for prefix in "ab"})
    with pytest.raises(DataError, match=r"atest_images.npy, btest_images.npy are several data sets; keep one data set"):
        own_data(tmp_path)
