"""Where a sweep keeps things: a folder, or a prefix in an object store."""

from execution.storage.choose import AnyStorage, file_at, root, storage_at
from execution.storage.protocol import Lock, Storage, held

__all__ = ["AnyStorage", "Lock", "Storage", "file_at", "held", "root", "storage_at"]
