"""A content-addressed store of arrays: `.npy` files named by the SHA-256 of their own bytes.

Results refer to arrays by digest, so the store can move; opened arrays are memory-mapped and read-only, so
parallel workers share one copy; and every file is verified before its first use by a process.
"""

import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from experiment import faults

PREFIX = "sha256:"


class Frozen(BaseModel):
    """Immutable, hashable, and strict about what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreError(Exception):
    """An array file is missing or not what it was when it was stored. Says which and what to do."""


class ArrayRef(Frozen):
    """What a result keeps of an array."""

    digest: str  # "sha256:<hex>" of the .npy file
    shape: tuple[int, ...]
    dtype: str


class ArrayStore(Frozen):
    root: Path

    def path(self, digest: str) -> Path:
        return self.root / f"{digest.removeprefix(PREFIX)}.npy"

    def put(self, array: NDArray[Any]) -> ArrayRef:
        """Write `array` (any shape and non-object dtype; memory order is kept) unless it is already there.

        Not synced to the disk: a file that a crash tears no longer has its digest, which is noticed.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.root, suffix=".tmp", delete=False) as file:
            try:
                writer = _HashingWriter(file)
                np.lib.format.write_array(writer, array, allow_pickle=False)
                file.close()
                digest = PREFIX + writer.sha256.hexdigest()
                faults.point("array drafted")
                rename_over(Path(file.name), self.path(digest))
                faults.point("array stored")
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        return ArrayRef(digest=digest, shape=array.shape, dtype=str(array.dtype))

    def open(self, ref: ArrayRef) -> NDArray[Any]:
        """The array, memory-mapped and read-only.

        Raises
        ------
        StoreError : the file is missing or altered
        """
        self.verify(ref.digest)
        array: NDArray[Any] = np.load(self.path(ref.digest), mmap_mode="r", allow_pickle=False)
        return array

    def verify(self, digest: str) -> None:
        """Check the file's bytes against its name, once for each state of the file and each process.

        Raises
        ------
        StoreError : the file is missing or altered
        """
        path = self.path(digest)
        try:
            stat = path.stat()
            state = (path, stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if state in _verified:
                return
            with path.open("rb") as file:
                actual = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise StoreError(f"{path} cannot be read ({error.strerror}): run the sweep again") from error
        if PREFIX + actual != digest:
            raise StoreError(f"{path} has been altered: its content no longer has the digest in its name")
        _verified.add(state)


def rename_over(draft: Path, path: Path) -> None:
    """Rename `draft` to `path`, over a file that is there; a folder, which cannot belong there, is set aside."""
    make_way(path)
    draft.replace(path)


def make_way(path: Path) -> None:
    """Set a folder that stands where a file belongs aside, whatever is in it."""
    if path.is_dir():
        set_aside(path)


def set_aside(path: Path) -> None:
    """Rename what cannot be used to where nothing looks for it, and where a person finds it."""
    path.rename(path.with_name(f"{path.name}.bad-{time.time_ns()}"))


def write_atomically(path: Path, content: bytes, sync: bool) -> None:
    """Write and sync a temporary file beside `path`, then rename it: `path` is never half-written."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            if sync:
                os.fsync(file.fileno())
            file.close()
            faults.point(f"{path.parent.name} drafted")
            rename_over(Path(file.name), path)
            faults.point(f"{path.parent.name} written")
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


_verified: set[tuple[Path, int, int, int]] = set()


class _HashingWriter:
    """Lets NumPy write a file and hashes what passes, so that no array is read or copied twice."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return int(self.file.write(data))
