"""Results of steps, as Prefect's result storage.

A record is JSON with its own digest, and it counts only while every array and file that it refers to is intact.
Anything else is set aside and the step runs again.
"""

import hashlib
import json
import logging
from pathlib import Path

from prefect.context import TaskRunContext
from prefect.filesystems import WritableFileSystem
from pydantic import PrivateAttr

from execution.cache.key import DeterminedByInputsAndSources
from execution.storage import arrays, layout
from execution.storage.choose import AnyStorage
from experiment.errors import StoreError

log = logging.getLogger("sweep")


def read(storage: AnyStorage, path: str) -> bytes:
    """Return the bytes of the record of a cache key, or of a path that ends with one.

    Raises
    ------
    Forbidden : it may not be read
    ValueError : there is no such record, or it is not whole; Prefect takes either for "not cached"
    """
    key = key_of(path)
    try:
        envelope = json.loads(storage.get(key))
        record: bytes = envelope["record"].encode()
        if hashlib.sha256(record).hexdigest() != envelope["sha256"]:
            raise ValueError("its content is not what was written")
        for referred in arrays.referred_to(record):
            arrays.check(storage, referred)
    except FileNotFoundError:
        raise ValueError(f"no record {path}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StoreError) as error:
        log.warning("Cached result %s… is not used: %s. Its step runs again.", key[-64:-52], error)
        storage.set_aside(key)
        raise ValueError(f"record {path} is not whole") from error
    return record


def key_of(path: str) -> str:
    """Return the storage key of a record: Prefect asks for cache keys, and for what it was told they resolve to."""
    return f"{layout.RECORDS}/{path.rpartition('/')[2]}"


class RecordStorage(WritableFileSystem):
    """Records in the sweep's storage, by cache key."""

    storage: AnyStorage
    _said: set[str] = PrivateAttr(default_factory=set)  # Prefect reads a record more than once

    def _resolve_path(self, path: str) -> Path:
        return Path(key_of(path))

    def read_path(self, path: str, _sync: bool = True) -> bytes:  # type: ignore[override]  # Prefect calls it synchronously
        """Return the record's bytes; ValueError if there is none, which Prefect takes for "not cached"."""
        record = read(self.storage, path)
        key, context = key_of(path), TaskRunContext.get()
        one = context and isinstance(context.task.cache_policy, DeterminedByInputsAndSources)  # a batch says it itself
        if one and key not in self._said:
            self._said.add(key)
            log.info("Cached: the result of W&B run %s", Path(key).name[: layout.IDENTITY], extra={"console": False})
        return record

    def write_path(self, path: str, content: bytes, _sync: bool = True) -> None:  # type: ignore[override]
        envelope = {"sha256": hashlib.sha256(content).hexdigest(), "record": content.decode()}
        self.storage.put(key_of(path), json.dumps(envelope).encode())

    async def aread_path(self, path: str) -> bytes:
        return self.read_path(path)

    async def awrite_path(self, path: str, content: bytes) -> None:
        self.write_path(path, content)
