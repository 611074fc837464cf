"""Arrays of the user: .npy or IDX files in a folder, or an .npz file."""

import math
import re
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.data.formats import FASHION_MNIST_PICTURE, OBJECTS, npy_name, read_idx, read_npy
from experiment.data.schema import Schema
from experiment.errors import DataError

KINDS = ("train_images", "train_labels", "test_images", "test_labels")
KERAS = ("x_train", "y_train", "x_test", "y_test")
# Groups of a file's name: prefix, part, separator, content, suffix.
NPY = re.compile(r"(.*)(train|test)(_)(images|labels)(\.npy)")
IDX = re.compile(r"(.*)(train|t10k|test)(-)(images|labels)([-.]idx[13]-ubyte)")
PACKED_IDX = re.compile(IDX.pattern + r"(\.gz)")
WANTED = (
    "…train_images.npy and …train_labels.npy (with …test_images.npy and …test_labels.npy if there is a test part; any "
    "prefix), Fashion-MNIST's IDX files, or train.csv, .tsv or .parquet (with test.csv, .tsv or .parquet)"
)


class Part(NamedTuple):
    """Examples and their origin, for messages."""

    values: NDArray[Any]  # (n, m), real and finite
    labels: NDArray[Any]  # (n,) of any kind
    where: str
    labels_where: str


class Raw(NamedTuple):
    """A data set as read, before labels are encoded and a test part is split off."""

    train: Part
    test: Part | None = None  # None: to be split off
    table: Schema | None = None  # its columns; None: arrays, whose features have no names
    picture: tuple[int, int] | None = None  # height and width of pictures; None: features
    notes: tuple[str, ...] = ()  # about how it was read
    warning: str = ""
    new: NDArray[Any] | None = None  # examples without labels, to predict


def array_files(folder: Path) -> list[Path]:
    """A folder's files of training images and labels and test ones, if any; DataError unless it holds one data set."""
    for pattern in (NPY, IDX, PACKED_IDX):
        matches = [match for path in sorted(folder.iterdir()) if (match := pattern.fullmatch(path.name))]
        if not matches:
            continue
        for side, kind in dict.fromkeys((match[2], match[4]) for match in matches):
            if len(several := [match[0] for match in matches if (match[2], match[4]) == (side, kind)]) > 1:
                raise DataError(f"{folder}: {', '.join(several)} are several data sets; keep one data set per folder")
        test = [match[2] for match in matches if match[2] != "train"]
        expected = [name_of(matches[0], side, kind) for side in ("train", *test[:1]) for kind in ("images", "labels")]
        missing = [file for file in expected if file not in {match[0] for match in matches}]
        if missing:
            raise DataError(f"{folder}: {', '.join(missing)} missing; provide all of {', '.join(expected)}")
        return [folder / file for file in expected]
    raise DataError(f"{folder}: no data found; provide {WANTED}")


def name_of(match: re.Match[str], side: str, kind: str) -> str:
    """The name of another file of the same data set."""
    prefix, _, mark, _, *rest = match.groups()
    return f"{prefix}{side}{mark}{kind}{''.join(rest)}".replace(
        "idx3" if kind == "labels" else "idx1", f"idx{1 if kind == 'labels' else 3}"
    )


def read_arrays(folder: Path) -> Raw:
    """The data set in the .npy or IDX files of a folder."""
    paths = array_files(folder)
    try:
        arrays = [read_npy(path) if path.suffix == ".npy" else read_idx(path) for path in paths]
    except OSError as error:
        raise DataError(f"{error}; make the files in {folder} readable") from error
    # The course's .npy files of Fashion-MNIST contain pictures as rows.
    course_files = paths[0].name == npy_name("train_images") and arrays[0].shape[1:] == (
        math.prod(FASHION_MNIST_PICTURE),
    )
    return from_arrays(arrays, [str(path) for path in paths], FASHION_MNIST_PICTURE if course_files else None)


def read_npz(path: Path) -> Raw:
    """The data set in an .npz of `train_images`, … or, as in Keras, `x_train`, …; DataError for other names."""
    arrays = arrays_of(path)
    for names in (KERAS, KINDS):
        here = [name for name in names if name in arrays]
        if here in (list(names), list(names[:2])):
            raw = from_arrays([arrays[name] for name in here], [f"{path}: {name}" for name in here])
            unused = [name for name in arrays if name not in here]
            return raw._replace(notes=(*raw.notes, *([f"not used: {', '.join(unused)}"] if unused else [])))
    raise DataError(
        f"{path}: holds {', '.join(arrays) or 'nothing'}; name its arrays {', '.join(KERAS)}, or {', '.join(KINDS)}"
    )


def examples_of_npz(path: Path) -> NDArray[Any]:
    """The examples of the test part of an .npz, or of the training part if there is no test part."""
    arrays = arrays_of(path)
    for name in ("x_test", "test_images", "x_train", "train_images"):
        if name in arrays:
            return arrays[name]
    raise DataError(f"{path}: holds {', '.join(arrays) or 'nothing'}; name the array of examples x_test")


def arrays_of(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays in an .npz, by their names in lower case; DataError if it is damaged or has Python objects."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name.lower(): archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zlib.error, AttributeError, KeyError) as error:
        if "Object arrays" in str(error):
            raise DataError(f"{path}: {OBJECTS}") from error
        raise DataError(f"{path}: not an .npz of plain arrays ({error}); write it with numpy.savez") from error
    except Exception as error:  # damaged archives and headers raise many kinds
        raise DataError(f"{path}: truncated or damaged ({error}); write it again with numpy.savez") from error


def from_arrays(arrays: list[NDArray[Any]], where: list[str], picture: tuple[int, int] | None = None) -> Raw:
    """A data set of two or four arrays. Arrays of shape n × height × width are pictures."""
    parts, notes = [], list[str]()
    arrays = [without_channel(array) for array in arrays]
    shapes = {array.shape[1:] for array in arrays[::2] if array.ndim == 3}
    if len(shapes) > 1:
        raise DataError(f"{where[2]}: pictures of another shape than in {where[0]}; use one height and width")
    for i in range(0, len(arrays), 2):
        images = check_images(arrays[i], where[i])
        labels, note = labels_in(arrays[i + 1], where[i + 1], len(images))
        notes += [f"{KINDS[i + 1]}: {note}"] if note else []
        parts.append(Part(images, labels, where[i], where[i + 1]))
    if len(parts) > 1 and parts[0].values.shape[1] != parts[1].values.shape[1]:
        raise DataError(
            f"{where[2]}: {parts[1].values.shape[1]} features per image, but {parts[0].values.shape[1]} in {where[0]}; "
            "use images of one size"
        )
    return Raw(
        parts[0], parts[1] if len(parts) > 1 else None, picture=shapes.pop() if shapes else picture, notes=tuple(notes)
    )


def without_channel(images: NDArray[Any]) -> NDArray[Any]:
    """Pictures without an axis for their only channel, which may be the last axis or the second."""
    axes = [axis for axis in (3, 1) if images.ndim == 4 and images.shape[axis] == 1]
    return images.squeeze(axes[0]) if axes else images


def check_images(images: NDArray[Any], where: str) -> NDArray[Any]:
    """Images of shape (n, m) or (n, height, width) as (n, m); DataError unless real, finite and not empty."""
    if images.ndim not in (2, 3):
        colours = ", such as the mean of their colours" if images.ndim == 4 and 3 in images.shape[1::2] else ""
        raise DataError(f"{where}: shape {images.shape}; save images as n × features or n × height × width{colours}")
    if images.dtype.kind not in "buif":
        raise DataError(f"{where}: dtype {images.dtype}; save pixels as integers or floats")
    if images.size == 0:
        raise DataError(f"{where}: empty, shape {images.shape}; give at least one example of at least one feature")
    images = images.reshape(len(images), -1)
    # NaN propagates to the extremes, so no mask as large as the data is needed.
    if images.dtype.kind == "f" and not np.isfinite([images.min(), images.max()]).all():
        i, j = np.argwhere(~np.isfinite(images))[0]
        raise DataError(f"{where}: {images[i, j]} in image {i}, feature {j}; replace NaN and infinite pixels")
    return images


def labels_in(labels: NDArray[Any], where: str, count: int) -> tuple[NDArray[Any], str]:
    """Labels as (count,), and a note if they were a column or one-hot; DataError if they are neither."""
    note, is_numeric = "", labels.dtype.kind in "buif"
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels, note = labels.ravel(), "a column of labels"
    elif is_numeric and labels.ndim == 2 and np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all():
        labels, note = labels.argmax(axis=1), f"one-hot, classes 0 to {labels.shape[1] - 1}"
    if labels.ndim != 1:
        raise DataError(f"{where}: shape {labels.shape}; save labels as a 1-D array, one per image")
    if len(labels) != count:
        raise DataError(f"{where}: {len(labels)} labels for {count} images; save one label per image")
    return labels, note
