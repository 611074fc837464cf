"""Where Numba keeps compiled code: beside the source or in the user's cache, else below the artifact root."""

import os
from pathlib import Path

import softmax
from execution.storage import layout
from execution.storage.permissions import user_cache, writable
from execution.storage.protocol import Storage


def place(storage: Storage) -> None:
    """Name a folder for compiled code if Numba would find none to write to: without one it compiles nothing at all.

    To be called before Numba is imported.
    """
    source = Path(softmax.__file__).parent
    usual = [source / "__pycache__", user_cache() / "numba"]
    if "NUMBA_CACHE_DIR" in os.environ:
        usual.append(Path(os.environ["NUMBA_CACHE_DIR"]))
    if not any(map(writable, usual)):
        os.environ["NUMBA_CACHE_DIR"] = str(storage.folder(layout.COMPILED))
