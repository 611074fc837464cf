"""Which storage an artifact root means."""

from pathlib import Path
from typing import TypeAlias

from execution.storage.local import LocalStorage

AnyStorage: TypeAlias = LocalStorage  # every implementation of `Storage`


def storage_at(root: Path) -> AnyStorage:
    """Return the storage with this artifact root."""
    return LocalStorage(root=root.expanduser().resolve())
