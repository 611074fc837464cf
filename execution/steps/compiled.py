"""Where Numba keeps compiled code, beside the source or in the user's cache, else below the artifact root; and who
compiles."""

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

import softmax
from execution.storage import layout
from execution.storage.permissions import user_cache, writable
from execution.storage.protocol import Storage

T = TypeVar("T")


def place(storage: Storage) -> None:
    """Name a folder for compiled code if Numba would find none to write to: without one it compiles nothing at all.

    To be called before Numba is imported.
    """
    source = Path(softmax.__file__).parent
    usual = [source / "__pycache__", user_cache() / "numba"]
    if "NUMBA_CACHE_DIR" in os.environ:
        usual.append(Path(os.environ["NUMBA_CACHE_DIR"]))
    if not any(map(writable, usual)):
        os.environ["NUMBA_CACHE_DIR"] = str(storage.folder(layout.COMPILED).resolve())


def by_one(epochs: Callable[..., Iterator[T]]) -> Callable[..., Iterator[T]]:
    """Return a training whose first epoch waits for the machine's other processes where nothing is compiled yet.

    One of them compiles the kernel; the others find that done, and load it.
    """

    def begun(**how: Any) -> Iterator[T]:
        from softmax import kernels

        folder, training = Path(kernels._epoch.stats.cache_path), epochs(**how)
        if not compiled(folder):
            with FileLock(folder / "compiling.lock", thread_local=False):
                if not compiled(folder):
                    yield from islice(training, 1)
        yield from training

    return begun


def compiled(folder: Path) -> bool:
    """Return whether Numba keeps a compiled kernel there."""
    return any(folder.glob("kernels._epoch-*.nbi"))
