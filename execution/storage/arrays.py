"""A content-addressed store of arrays and files, named by the SHA-256 of their bytes.

Results refer to them by digest, so the store can move. Opened arrays are memory-mapped and read-only, so parallel
workers share one copy. Each process verifies a file before its first use.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from execution.cache.closure import PARSING
from execution.storage import layout
from execution.storage.files import draft, forbidden
from execution.storage.protocol import Storage
from experiment.errors import StoreError
from experiment.values import ArrayRef, FileRef, Frozen

ARRAY, FILE = "sha256:", "file:sha256:"  # prefixes of the digests in references


def put_array(storage: Storage, array: NDArray[Any]) -> ArrayRef:
    """Write `array` (any shape and non-object dtype; memory order is kept)."""
    # It is not synced to the disk: a file torn by a crash no longer has its digest, which is detected.
    with draft(storage.folder(layout.DRAFTS)) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)
        file.seek(0)
        digest = ARRAY + hashlib.file_digest(file, "sha256").hexdigest()
        storage.put(key_of(digest), Path(file.name))
    return ArrayRef(digest=digest, shape=array.shape, dtype=str(array.dtype))


def open_array(storage: Storage, ref: ArrayRef) -> NDArray[Any]:
    """The array, memory-mapped and read-only. StoreError if its file is missing, altered, or another array."""
    path = verified(storage, key_of(ref.digest))
    try:
        array = mapped(path, path.stat().st_ino)
    except Exception:  # of many kinds, at a header that NumPy has not written
        array = None
    if array is None or (array.shape, str(array.dtype)) != (ref.shape, ref.dtype):
        storage.set_aside(key_of(ref.digest))  # the record that refers to it is invalid then
        raise StoreError(
            f"{storage.where(key_of(ref.digest))} is no array of shape {ref.shape} and type {ref.dtype}, as a result "
            "says: something else than this program wrote them. Run the sweep again"
        )
    return array


@lru_cache(8)  # shared by trainings: NumPy takes a third of a millisecond to read an array's header
def mapped(path: Path, inode: int) -> NDArray[Any]:
    """The array in the file at `path` with this inode."""
    with PARSING:  # of its header
        array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")  # unlike `np.load` it reads no other formats
    return array


def put_file(storage: Storage, content: bytes) -> FileRef:
    """Write the bytes of a file."""
    digest = FILE + hashlib.sha256(content).hexdigest()
    storage.put(key_of(digest), content)
    return FileRef(digest=digest)


def read_file(storage: Storage, ref: FileRef) -> bytes:
    """The bytes of a file. StoreError if it is missing or altered."""
    return verified(storage, key_of(ref.digest)).read_bytes()


def key_of(digest: str) -> str:
    """The storage key of the array or file with this digest."""
    if digest.startswith(FILE):
        return f"{layout.FILES}/{digest.removeprefix(FILE)}"
    return f"{layout.ARRAYS}/{digest.removeprefix(ARRAY)}.npy"


def referred_to(record: bytes) -> set[str]:
    """The keys of all arrays and files that a JSON record refers to."""
    return {key_of(digest.decode()) for digest in re.findall(rb"(?:file:)?sha256:[0-9a-f]{64}", record)}


def arrays_in(value: Any) -> Iterator[ArrayRef]:
    """The references to arrays in models, lists and dicts of them."""
    if isinstance(value, ArrayRef):
        yield value
    elif isinstance(value, Frozen | Mapping | list | tuple):
        parts = dict(value).values() if isinstance(value, Frozen | Mapping) else value
        for part in parts:
            yield from arrays_in(part)


def verified(storage: Storage, key: str) -> Path:
    """The file, its bytes checked against its name once per process. StoreError if it is missing or altered."""
    path = found(storage, key) or found(storage, key, anew=True)
    if path is None:
        if storage.remote:  # records are trusted there without reading their arrays: the next run must not find it
            storage.set_aside(key)
        raise StoreError(f"{storage.where(key)} has been altered: its content no longer has the digest in its name")
    return path


def found(storage: Storage, key: str, *, anew: bool = False) -> Path | None:
    """The file, None if its bytes do not match its name; `anew`: fetched again if it is a copy."""
    path = None
    try:
        path = storage.local(key, anew=anew)
        stat = path.stat()
        state = (path, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if state in _verified:
            return path
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except PermissionError as error:
        raise forbidden(path or Path(str(error.filename))) from error
    except OSError as error:
        raise StoreError(f"{storage.where(key)} cannot be read ({error.strerror}): run the sweep again") from error
    if actual != path.stem:
        return None
    _verified.add(state)
    return path


def check(storage: Storage, key: str) -> None:
    """Raise StoreError if an array or file is missing or altered. In an object store only its presence is checked."""
    if not storage.remote:
        verified(storage, key)
    elif not storage.exists(key):
        raise StoreError(f"{storage.where(key)} is missing: run the sweep again")


_verified: set[tuple[Path, int, int, int]] = set()
