"""The storage for an artifact root."""

import re
from pathlib import Path
from typing import TypeAlias

from execution.storage import layout
from execution.storage.local import LocalStorage
from execution.storage.objects import ObjectStorage
from experiment.errors import InputError

AnyStorage: TypeAlias = LocalStorage | ObjectStorage  # every implementation of `Storage`


def root(given: Path | str) -> Path | str:
    """An artifact root: the path of a folder, or an address in an object store.

    Raises
    ------
    InputError : it looks like an address and is invalid
    """
    text = str(given)
    if not re.match(r"[A-Za-z][\w+.-]+:/", text):
        return Path(text).expanduser()
    if not re.fullmatch(r"(s3|gs|az)://[^\s/?#@]+(/[^\s/?#]+)*/?", text):
        raise InputError(
            f"{text} is no valid address: give s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
        )
    return text.rstrip("/")


def storage_at(given: Path | str) -> AnyStorage:
    """The storage with this artifact root.

    Raises
    ------
    InputError : see `root`
    """
    found = root(given)
    return ObjectStorage(url=found) if isinstance(found, str) else LocalStorage(root=found.resolve())


def file_at(given: str) -> Path:
    """A local file for a path, or for an address below `sweeps/` in an object store."""
    above, _, name = given.rpartition(f"/{layout.SWEEPS}/")
    return storage_at(above).local(f"{layout.SWEEPS}/{name}") if above else Path(given)
