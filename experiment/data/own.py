"""A user's own data set: four .npy files in a folder, checked before anything is computed from them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiment.data.formats import Arrays, npy_name, read_npy
from experiment.errors import DataError

FILES = [npy_name(array) for array in Arrays._fields]


def own_data(folder: Path) -> Arrays:
    """The data set in a folder that the user names: four .npy files under the course's names.

    Any number of features and of classes from two on. Images may be n × m or n × height × width (flattened
    row by row), of any real dtype, which they keep; a file in C order stays memory-mapped. Labels may be of
    any integer dtype and come back as int64. Classes are numbered 0 … c−1, and each must occur in training;
    the test labels may lack some.

    Raises
    ------
    DataError
        The folder or a file is missing or unreadable; a file is no .npy file, truncated, or of the wrong kind
        or shape; there are no examples or no features; a pixel is NaN or infinite; images and labels differ
        in number; training and test differ in features; a label is negative; a class is missing from
        training; there is only one class; the test labels name a class that training lacks.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; data_dir takes one that holds {', '.join(FILES)}")
    missing = [file for file in FILES if not (folder / file).is_file()]
    if missing:
        raise DataError(f"{folder}: {', '.join(missing)} missing; put there all of {', '.join(FILES)}")
    paths = [folder / file for file in FILES]
    try:
        arrays = [read_npy(path) for path in paths]
    except OSError as error:
        raise DataError(f"{error}; make the files in {folder} readable") from error

    train_images, test_images = (check_images(arrays[i], paths[i]) for i in (0, 2))
    train_labels, test_labels = (check_labels(arrays[i], paths[i], len(arrays[i - 1])) for i in (1, 3))
    if train_images.shape[1] != test_images.shape[1]:
        raise DataError(
            f"{paths[2]}: {test_images.shape[1]} features an image, {train_images.shape[1]} in {FILES[0]}; "
            "make both of images of one size"
        )
    classes = np.unique(train_labels)
    skipped = np.flatnonzero(classes != np.arange(len(classes)))
    if skipped.size:
        raise DataError(
            f"{paths[1]}: no example of class {skipped[0]}, although labels go up to {classes[-1]}; "
            "number the classes 0, 1, 2, … without gaps, each with training examples"
        )
    if len(classes) < 2:
        raise DataError(f"{paths[1]}: only class 0 occurs; give examples of at least two classes")
    unknown = np.setdiff1d(test_labels, classes)
    if unknown.size:
        raise DataError(
            f"{paths[3]}: class {unknown[0]} does not occur in {FILES[1]}; "
            "remove its examples or add some to the training files"
        )
    return Arrays(train_images, train_labels.astype(np.int64), test_images, test_labels.astype(np.int64))


def check_images(images: NDArray[Any], path: Path) -> NDArray[Any]:
    """Images (n, m) or (n, height, width) as (n, m); DataError unless real, finite and not empty."""
    if images.ndim not in (2, 3):
        raise DataError(f"{path}: shape {images.shape}; save images as n × features or n × height × width")
    if images.dtype.kind not in "buif":
        raise DataError(f"{path}: dtype {images.dtype}; save pixels as integers or floats")
    if images.size == 0:
        raise DataError(f"{path}: empty, shape {images.shape}; save at least one image of at least one pixel")
    images = images.reshape(len(images), -1)
    # The extremes tell without a mask as large as the data: NaN spreads to both of them.
    if images.dtype.kind == "f" and not np.isfinite([images.min(), images.max()]).all():
        i, j = np.argwhere(~np.isfinite(images))[0]
        raise DataError(f"{path}: {images[i, j]} in image {i}, feature {j}; replace NaN and infinite pixels")
    return images


def check_labels(labels: NDArray[Any], path: Path, count: int) -> NDArray[Any]:
    """Labels (count,) as they are; DataError unless integers, none negative, one for each image."""
    if labels.ndim != 1:
        raise DataError(f"{path}: shape {labels.shape}; save labels 1-D, one class number an image")
    if labels.dtype.kind not in "ui":
        raise DataError(f"{path}: dtype {labels.dtype}; save labels as integers, say labels.astype('int64')")
    if len(labels) != count:
        raise DataError(f"{path}: {len(labels)} labels for {count} images; save one label an image")
    if labels.min() < 0:
        raise DataError(f"{path}: label {labels.min()} of example {labels.argmin()}; number classes from 0")
    return labels
