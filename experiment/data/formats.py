"""The file formats .npy and gzipped IDX, and the expected content of Fashion-MNIST's files.

No content of a file is executed. .npy files are read without pickle and memory-mapped, so a false header allocates
nothing. IDX files are read up to the expected size.
"""

import gzip
import hashlib
import math
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.errors import DataError


class Arrays(NamedTuple):
    """One data set: n training and k test examples of m features.

    Images are (n, m) and (k, m), rows are examples; labels are (n,) and (k,), int64, classes numbered from 0.
    """

    train_images: NDArray[Any]
    train_labels: NDArray[np.int64]
    test_images: NDArray[Any]
    test_labels: NDArray[np.int64]


class Expected(NamedTuple):
    """An expected array: its shape, the SHA-256 of its bytes (uint8, C order), the name of its IDX file."""

    shape: tuple[int, ...]
    sha256: str
    idx: str


OBJECTS = (
    "holds Python objects, which could execute code; save numbers as array.astype(float), texts as array.astype(str)"
)
CHUNK = 2**24  # bytes read at once
IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
Wanted = Mapping[str, Expected]  # by name of the array, as in `Arrays`

FASHION_MNIST: Wanted = {
    "train_images": Expected(
        (60_000, 28, 28),
        "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "train-images-idx3-ubyte.gz",
    ),
    "train_labels": Expected(
        (60_000,),
        "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        "train-labels-idx1-ubyte.gz",
    ),
    "test_images": Expected(
        (10_000, 28, 28),
        "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "t10k-images-idx3-ubyte.gz",
    ),
    "test_labels": Expected(
        (10_000,),
        "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
        "t10k-labels-idx1-ubyte.gz",
    ),
}


FASHION_MNIST_PICTURE = (28, 28)  # height and width


def is_fashion_mnist(arrays: Arrays) -> bool:
    """Whether these are the arrays of Fashion-MNIST, in any file format."""
    shapes = [(n, math.prod(image)) if image else (n,) for n, *image in (each.shape for each in FASHION_MNIST.values())]
    return [array.shape for array in arrays] == shapes and all(
        hashlib.sha256(np.asarray(array, np.uint8, order="C").data).hexdigest() == expected.sha256
        for array, expected in zip(arrays, FASHION_MNIST.values(), strict=True)
    )


def npy_name(array: str) -> str:
    """The course's name for the .npy file of one of the four `Arrays`."""
    return f"fashion_mnist_{array}.npy"


def read_npy(path: Path) -> NDArray[Any]:
    """The array in a .npy file, of any shape and any dtype except objects; read-only and memory-mapped.

    DataError: Not a .npy file, truncated, a damaged header, or an array of Python objects.
    OSError: The file cannot be opened.
    """
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":  # np.load would also accept zip and pickle
            raise DataError(f"{path}: not a NumPy .npy file; write it with numpy.save")
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # damaged headers raise many kinds, from TokenError to OverflowError
        if "Python objects" in str(error):
            raise DataError(f"{path}: {OBJECTS}") from error
        raise DataError(
            f"{path}: truncated or damaged ({error or type(error).__name__}); write it again with numpy.save"
        ) from error
    return array


def read_idx(path: Path, expected: tuple[int, ...] | None = None) -> NDArray[Any]:
    """The array in an IDX file, gzipped or not, of any type, and of the expected shape if one is given.

    The format: two zero bytes, the type, the rank, each dimension as a big-endian uint32, the elements in C order,
    big-endian (LeCun's MNIST page, "the IDX file format").

    DataError: Not IDX, truncated, of another shape than expected, or a number of bytes that differs from the header.
    OSError: The file cannot be opened.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            zeros, kind, rank = struct.unpack(">HBB", file.read(4))
            if zeros or kind not in IDX_TYPES:
                raise DataError(f"{path}: not an IDX file; download it again")
            shape = struct.unpack(f">{rank}I", file.read(4 * rank))
            if expected not in (None, shape):
                raise DataError(f"{path}: shape {shape}, but expected {expected}; download it again")
            dtype = np.dtype(IDX_TYPES[kind])
            size = math.prod(shape) * dtype.itemsize
            elements = bytearray()  # up to one byte more than expected, which makes gzip verify its checksum
            while len(elements) <= size and (chunk := file.read(min(CHUNK, size + 1 - len(elements)))):
                elements += chunk
    except (gzip.BadGzipFile, EOFError, zlib.error, struct.error) as error:
        raise DataError(f"{path}: truncated or damaged IDX file ({error}); download it again") from error
    if len(elements) != size:
        how = "longer" if len(elements) > size else "shorter"
        raise DataError(f"{path}: {how} than the {size} bytes that its header states; download it again")
    return np.frombuffer(elements, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def verified(path: Path, expected: Expected) -> NDArray[Any]:
    """The expected array from an IDX (.gz) or .npy file, as a copy in memory.

    Images are (n, m) uint8 and labels (n,) int64, whatever the numeric dtype of the file.

    DataError: The file has other content.
    OSError: The file cannot be opened.
    """
    array = read_idx(path, expected.shape) if path.suffix == ".gz" else read_npy(path)
    n, *image = expected.shape
    shape = (n, math.prod(image)) if image else (n,)
    if array.dtype.kind not in "uif" or array.shape not in (shape, expected.shape):
        raise DataError(f"{path}: {array.dtype} of shape {array.shape}, but expected numbers of shape {shape}")
    with np.errstate(invalid="ignore"):  # values beyond uint8 fail the digest
        values = np.array(array.reshape(shape), np.uint8, order="C")
    if hashlib.sha256(values.data).hexdigest() != expected.sha256:
        raise DataError(f"{path}: unexpected content (its SHA-256 differs)")
    return values if image else values.astype(np.int64)
