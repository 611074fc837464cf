"""Numba's cache of compiled code, and compilation by one process at a time."""

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock
from platformdirs import user_cache_path

import softmax
from execution.storage import Storage, layout
from execution.storage.files import writable

T = TypeVar("T")


def place(storage: Storage) -> None:
    """Before Numba is imported: set its cache folder below the artifact root if it can write to none of its own."""
    source = Path(softmax.__file__).parent
    usual = [source / "__pycache__", user_cache_path("numba")]
    if "NUMBA_CACHE_DIR" in os.environ:
        usual.append(Path(os.environ["NUMBA_CACHE_DIR"]))
    if not any(map(writable, usual)):
        os.environ["NUMBA_CACHE_DIR"] = str(storage.folder(layout.COMPILED).resolve())


def by_one(epochs: Callable[..., Iterator[T]]) -> Callable[..., Iterator[T]]:
    """A training whose first epoch holds a lock while no kernel is compiled yet: other processes wait and load it."""

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
    """Whether Numba has a compiled kernel in this folder."""
    return any(folder.glob("kernels._epoch-*.nbi"))
