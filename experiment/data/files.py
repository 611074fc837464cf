"""Arrays as users keep them: .npy files or IDX files in a folder, one .npz."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiment.data.formats import FASHION_MNIST_PICTURE, npy_name, read_npy
from experiment.data.raw import Part, Raw
from experiment.errors import DataError

KINDS = ("train_images", "train_labels", "test_images", "test_labels")
IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
KERAS = ("x_train", "y_train", "x_test", "y_test")
IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
WANTED = (
    "…train_images.npy and …train_labels.npy (with …test_images.npy and …test_labels.npy if there is a test part; any "
    "prefix), Fashion-MNIST's IDX files, or train.csv, .tsv or .parquet (with test.csv, .tsv or .parquet)"
)


def array_files(folder: Path) -> list[Path]:
    """Return the files of a folder's arrays: images and labels to train on and, if there are any, to test on.

    Raises
    ------
    DataError : none, more than one set of them, or some that lack their other half
    """
    for names, pattern in ((KINDS, "*{}.npy"), (IDX, "{}"), (IDX, "{}.gz")):
        found = [sorted(folder.glob(pattern.format(name))) for name in names]
        if not any(found):
            continue
        for several in found:
            if len(several) > 1:
                listed = ", ".join(path.name for path in several)
                raise DataError(f"{folder}: {listed} all stand there; keep one data set in a folder")
        stem = next(files[0].name.removesuffix(pattern.format(name)[1:]) for files, name in zip(found, names) if files)  # noqa: B905
        prefix = stem if pattern.startswith("*") else ""
        parts = 4 if any(found[2:]) else 2
        expected = [pattern.format(name).replace("*", prefix) for name in names[:parts]]
        missing = [file for file, files in zip(expected, found, strict=False) if not files]
        if missing:
            raise DataError(f"{folder}: {', '.join(missing)} missing; put there all of {', '.join(expected)}")
        return [folder / file for file in expected]
    raise DataError(f"{folder}: no data found; put there {WANTED}")


def read_arrays(folder: Path) -> Raw:
    """Read the .npy or IDX files of a folder.

    Raises
    ------
    DataError : see `array_files` and the readers of single files
    """
    paths = array_files(folder)
    try:
        arrays = [read_npy(path) if path.suffix == ".npy" else read_any_idx(path) for path in paths]
    except OSError as error:
        raise DataError(f"{error}; make the files in {folder} readable") from error
    # The course's files of Fashion-MNIST have its pictures as rows.
    its_own = paths[0].name == npy_name("train_images") and arrays[0].shape[1:] == (math.prod(FASHION_MNIST_PICTURE),)
    return from_arrays(arrays, [str(path) for path in paths], FASHION_MNIST_PICTURE if its_own else None)


def read_npz(path: Path) -> Raw:
    """Read an .npz of `train_images`, … or, as Keras names them, `x_train`, …; the test part may be left out.

    Raises
    ------
    DataError : no such archive, other names, or arrays of Python objects, which are pickles and not read
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            for names in (KERAS, KINDS):
                here = [name for name in names if name in archive.files]
                if here in (list(names), list(names[:2])):
                    return from_arrays([archive[name] for name in here], [f"{path}: {name}" for name in here])
            listed = ", ".join(archive.files) or "nothing"
    except (OSError, ValueError, EOFError, zlib.error, AttributeError, KeyError) as error:
        raise DataError(f"{path}: not an .npz of plain arrays ({error}); write it with numpy.savez") from error
    except Exception as error:  # a damaged archive raises zipfile's own, a damaged header anything
        raise DataError(f"{path}: truncated or damaged ({error}); write it again with numpy.savez") from error
    raise DataError(f"{path}: holds {listed}; name its arrays {', '.join(KERAS)}, or {', '.join(KINDS)}")


def from_arrays(arrays: list[NDArray[Any]], where: list[str], picture: tuple[int, int] | None = None) -> Raw:
    """Return two or four arrays as parts; n × height × width become rows, and are pictures of that shape."""
    parts = []
    shapes = {array.shape[1:] for array in arrays[::2] if array.ndim == 3}
    if len(shapes) > 1:
        raise DataError(f"{where[2]}: pictures of another shape than in {where[0]}; make all of one height and width")
    for i in range(0, len(arrays), 2):
        images, labels = check_images(arrays[i], where[i]), arrays[i + 1]
        check_labels(labels, where[i + 1], len(images))
        parts.append(Part(images, labels, where[i], where[i + 1]))
    if len(parts) > 1 and parts[0].values.shape[1] != parts[1].values.shape[1]:
        raise DataError(
            f"{where[2]}: {parts[1].values.shape[1]} features an image, {parts[0].values.shape[1]} in {where[0]}; "
            "make both of images of one size"
        )
    return Raw(parts[0], parts[1] if len(parts) > 1 else None, picture=shapes.pop() if shapes else picture)


def check_images(images: NDArray[Any], where: str) -> NDArray[Any]:
    """Return images (n, m) or (n, height, width) as (n, m); DataError unless real, finite and not empty."""
    if images.ndim not in (2, 3):
        raise DataError(f"{where}: shape {images.shape}; save images as n × features or n × height × width")
    if images.dtype.kind not in "buif":
        raise DataError(f"{where}: dtype {images.dtype}; save pixels as integers or floats")
    if images.size == 0:
        raise DataError(f"{where}: empty, shape {images.shape}; save at least one image of at least one pixel")
    images = images.reshape(len(images), -1)
    # The extremes tell without a mask as large as the data: NaN spreads to both of them.
    if images.dtype.kind == "f" and not np.isfinite([images.min(), images.max()]).all():
        i, j = np.argwhere(~np.isfinite(images))[0]
        raise DataError(f"{where}: {images[i, j]} in image {i}, feature {j}; replace NaN and infinite pixels")
    return images


def check_labels(labels: NDArray[Any], where: str, count: int) -> None:
    """Raise DataError unless labels are (count,), one for each image."""
    if labels.ndim != 1:
        raise DataError(f"{where}: shape {labels.shape}; save labels 1-D, one an image")
    if len(labels) != count:
        raise DataError(f"{where}: {len(labels)} labels for {count} images; save one label an image")


def read_any_idx(path: Path) -> NDArray[Any]:
    """Return the array in an IDX file, gzipped or not, of any of the format's types and shapes.

    Two zero bytes, the type, the rank, each dimension as a big-endian uint32, the elements in C order, big-endian
    (LeCun's MNIST page, "the IDX file format").

    Raises
    ------
    DataError : not IDX, or another number of bytes than the header promises
    OSError : the file cannot be opened
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            zeros, kind, rank = struct.unpack(">HBB", file.read(4))
            if zeros or kind not in IDX_TYPES:
                raise DataError(f"{path}: not an IDX file; fetch it again")
            shape = struct.unpack(f">{rank}I", file.read(4 * rank))
            dtype = np.dtype(IDX_TYPES[kind])
            size = math.prod(shape) * dtype.itemsize
            elements = file.read(size + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error, struct.error) as error:
        raise DataError(f"{path}: not a whole IDX file ({error}); fetch it again") from error
    if len(elements) != size:
        how = "longer" if len(elements) > size else "shorter"
        raise DataError(f"{path}: {how} than the {size} bytes that its header promises; fetch it again")
    array = np.frombuffer(elements, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)
