"""A user's own data, as users hand them in."""

import os
from typing import Any

import numpy as np
import pytest

from experiment.data.own import own_data
from experiment.errors import DataError
from tests.execution.fetch.small import FILES, RAW, flat, npy_bytes, own


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", ">f8", "f2", "?"])
def test_own_data_keeps_its_dtype(tmp_path, dtype):
    images, test_images = RAW["train_images"].astype(dtype), RAW["test_images"].astype(dtype)
    labels = RAW["train_labels"].astype("u8")
    arrays = own_data(own(tmp_path, train_images=images, train_labels=labels, test_images=test_images)).arrays
    assert arrays.train_images.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(arrays.train_images, flat(images))
    np.testing.assert_array_equal(arrays.test_images, flat(test_images))
    for labels, name in ((arrays.train_labels, "train_labels"), (arrays.test_labels, "test_labels")):
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, RAW[name])


def test_own_data_may_lack_a_class_in_the_test_labels(tmp_path):
    assert own_data(own(tmp_path, test_labels=np.zeros(10, int))).arrays.test_labels.max() == 0


def put(array: np.ndarray, where: Any, value: Any) -> np.ndarray:
    array = array.copy()
    array[where] = value
    return array


X, y, Xt, yt = (flat(array) for array in RAW.values())
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "one file missing": ({"train_labels": None}, "", r": \w+train_labels\.npy missing; provide all"),
    "two missing": ({"train_images": None, "test_labels": None}, "", r"images\.npy, \w+labels\.npy missing"),
    "not .npy": ({"train_images": b"1,2,3"}, "train_images", "not a NumPy .npy file; write it with"),
    "empty file": ({"train_images": b""}, "train_images", "not a NumPy .npy file"),
    "zip": ({"train_images": b"PK\x03\x04..."}, "train_images", "not a NumPy .npy file"),
    "pickle": ({"test_labels": b"\x80\x04K\x01."}, "test_labels", "not a NumPy .npy file"),
    "truncated": ({"test_images": npy_bytes(Xt)[:-1]}, "test_images", "truncated or damaged"),
    "header cut": ({"test_images": npy_bytes(Xt)[:20]}, "test_images", "truncated or damaged"),
    "objects": ({"train_images": np.array([[1, None]] * 30)}, "train_images", "objects.*astype"),
    "object labels": ({"train_labels": y.astype(object)}, "train_labels", "objects.*astype"),
    "scalar": ({"train_images": np.array(3)}, "train_images", r"shape \(\); save images as n × f"),
    "1-D images": ({"train_images": X[:, 0]}, "train_images", r"shape \(30,\); save images as n"),
    "colours": ({"test_images": np.zeros((10, 4, 5, 3))}, "test_images", r"shape \(10, 4, 5, 3\).*mean of"),
    "complex": ({"train_images": X + 0j}, "train_images", "dtype complex128; save pixels as"),
    "text": ({"train_images": X.astype("U3")}, "train_images", "dtype <U3; save pixels"),
    "dates": ({"train_images": X.astype("M8[s]")}, "train_images", "dtype datetime64"),
    "records": ({"train_images": np.zeros((30, 20), [("a", "f4")])}, "train_images", "dtype .*save pixels"),
    "no images": ({"train_images": X[:0], "train_labels": y[:0]}, "train_images", r"empty, shape \(0, 20\)"),
    "no test": ({"test_images": Xt[:0], "test_labels": yt[:0]}, "test_images", r"empty, shape \(0, 20\)"),
    "no features": ({"train_images": X[:, :0]}, "train_images", r"empty, shape \(30, 0\)"),
    "NaN": ({"train_images": put(X / 1.0, (3, 4), np.nan)}, "train_images", "nan in image 3, feature 4"),
    "inf": ({"test_images": put(Xt.astype("f4"), (0, 1), np.inf)}, "test_images", "inf in image 0, feat"),
    "-inf": ({"test_images": put(Xt.astype("f4"), (9, 19), -np.inf)}, "test_images", "-inf in image 9"),
    "NaN, 3-D": ({"train_images": put(RAW["train_images"] / 1, (7, 1, 2), np.nan)}, "train_images", "7, f"),
    "2-D labels": ({"train_labels": np.c_[y, y]}, "train_labels", r"shape \(30, 2\); save labels as a 1-D array"),
    "labels on a scale": ({"train_labels": y + 0.5}, "train_labels", "0.5 is not a class"),
    "NaN labels": ({"test_labels": put(yt / 1, 3, np.nan)}, "test_labels", "nan is not a class"),
    "dates as labels": ({"test_labels": yt.astype("M8[D]")}, "test_labels", "dtype datetime64.*integers or texts"),
    "single": ({"train_labels": put(y, 5, 9)}, "train_labels", "class 9 has one example"),
    "fewer labels": ({"train_labels": y[:-1]}, "train_labels", "29 labels for 30 images"),
    "more labels": ({"test_labels": np.tile(yt, 2)}, "test_labels", "20 labels for 10 images"),
    "one class": ({"train_labels": y * 0}, "train_labels", "only class 0 occurs; give examples"),
    "from 1": ({"train_labels": y + 1}, "test_labels", "class 0 does not occur in .*train"),
    "unknown class": ({"test_labels": put(yt, 4, 7)}, "test_labels", "class 7 does not occur in .*train"),
    "features": ({"test_images": Xt[:, :-1]}, "test_images", "19 features per image, but 20 in .*train"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "culprit", "says"), BAD.values(), ids=BAD.keys())
def test_own_data_that_cannot_be_used_is_refused(tmp_path, changes, culprit, says):
    with pytest.raises(DataError, match=says) as error:
        own_data(own(tmp_path, **changes))
    start = str(tmp_path / f"fashion_mnist_{culprit}.npy") if culprit else f"{tmp_path}: "
    assert str(error.value).startswith(start)


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder or file; data takes a folder"):
        own_data(tmp_path / "nowhere")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    (own(tmp_path) / FILES[2]).chmod(0)
    with pytest.raises(DataError, match=f"{FILES[2]}.*make the files in .* readable"):
        own_data(tmp_path)


@pytest.mark.parametrize(("dtype", "largest"), [("f2", 2047), ("f4", 2**24 - 1), ("f8", 2**53 - 1)])
def test_labels_saved_as_floats_too_large_to_be_told_apart_are_warned_of(tmp_path, dtype, largest):
    labels = RAW["train_labels"].astype(int) - int(RAW["train_labels"].max()) + largest
    for more, warned in ((0, False), (1, True)):
        path = tmp_path / f"{more}.npz"
        np.savez(path, x_train=X, y_train=(labels + more).astype(dtype))
        assert any("save them as integers or texts" in warning for warning in own_data(path).info.warnings) == warned
