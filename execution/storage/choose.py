"""Which storage an artifact root means."""

import re
from pathlib import Path
from typing import TypeAlias

from execution.storage import layout
from execution.storage.local import LocalStorage
from execution.storage.objects import ObjectStorage
from experiment.errors import InputError

AnyStorage: TypeAlias = LocalStorage | ObjectStorage  # every implementation of `Storage`


def root(given: Path | str) -> Path | str:
    """Return an artifact root: the path of a folder, or the address of a place in an object store.

    Raises
    ------
    InputError : it begins as an address does and is none
    """
    text = str(given)
    if not re.match(r"[A-Za-z][\w+.-]+:/", text):
        return Path(text).expanduser()
    if not re.fullmatch(r"(s3|gs|az)://[^\s/?#@]+(/[^\s/?#]+)*/?", text):
        raise InputError(f"{text}: an address is s3://bucket/prefix, gs://bucket/prefix or az://container/prefix")
    return text.rstrip("/")


def storage_at(given: Path | str) -> AnyStorage:
    """Return the storage with this artifact root.

    Raises
    ------
    InputError : see `root`
    """
    found = root(given)
    return ObjectStorage(url=found) if isinstance(found, str) else LocalStorage(root=found.resolve())


def file_at(given: str) -> Path:
    """Return the file of this machine that a path means, or an address of something below `sweeps/` in a store."""
    above, _, name = given.rpartition(f"/{layout.SWEEPS}/")
    return storage_at(above).local(f"{layout.SWEEPS}/{name}") if above else Path(given)
