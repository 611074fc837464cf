"""Results of steps, as Prefect's result storage.

A record is JSON with its own digest, and it counts only while every array and file that it refers to is intact.
Anything else is set aside and the step runs again. What Prefect reads is written here, from a result of one of the
project's own classes: a record of Prefect's may name any serializer and any class, which would be imported and called.
"""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

from prefect.context import TaskRunContext
from prefect.filesystems import WritableFileSystem
from prefect.serializers import JSONSerializer
from pydantic import PrivateAttr, ValidationError

from execution.cache.key import DeterminedByInputsAndSources
from execution.storage import arrays, layout
from execution.storage.choose import AnyStorage
from experiment.errors import StoreError
from experiment.values import Frozen, Result

log = logging.getLogger("sweep")

SERIALIZER = JSONSerializer().model_dump()


class Metadata(Frozen):
    storage_key: str
    expiration: None
    serializer: dict[str, Any]
    prefect_version: str
    storage_block_id: None


class Record(Frozen):
    """A record as Prefect writes it for a step."""

    metadata: Metadata
    result: str  # JSON of the result's class and fields


class Envelope(Frozen):
    sha256: str  # of the record
    record: str


def read(storage: AnyStorage, path: str) -> bytes:
    """Return the bytes of the record of a cache key, or of a path that ends with one.

    Raises
    ------
    Forbidden : it may not be read
    ValueError : there is no such record, or it is not whole; Prefect takes either for "not cached"
    """
    key = key_of(path)
    try:
        envelope = Envelope.model_validate_json(storage.get(key))
        if hashlib.sha256(envelope.record.encode()).hexdigest() != envelope.sha256:
            raise ValueError("its content is not what was written")
        record = Record.model_validate_json(envelope.record)
        if (record.metadata.storage_key, record.metadata.serializer) != (key, SERIALIZER):
            raise ValueError("it is another step's, or not JSON of ours")
        result = json.loads(record.result, object_hook=known)
        if not isinstance(result, Result):
            raise ValueError("it holds no result of a step")
        for referred in arrays.referred_to(result.model_dump_json().encode()):
            arrays.check(storage, referred)
    except FileNotFoundError:
        raise ValueError(f"no record {path}") from None
    except (OSError, ValueError, RecursionError, StoreError) as error:
        why = "it has not the form of a record" if isinstance(error, ValidationError) else error
        log.warning("Cached result %s… is not used: %s. Its step runs again.", key[-64:-52], why)
        storage.set_aside(key)
        raise ValueError(f"record {path} is not whole") from error
    return record.model_dump_json().encode()


def known(value: dict[str, Any]) -> Any:
    """Return a JSON object, as the result that it names; as Prefect's decoder does, which imports what it is told to.

    Raises
    ------
    ValueError : it names anything but a class of results, or its fields are others
    """
    if not {"__class__", "__exc_type__"} & value.keys():
        return value
    classes = {f"{cls.__module__}.{cls.__qualname__}": cls for cls in Result.__subclasses__()}
    named = value.get("__class__")
    if value.keys() != {"__class__", "data"} or not isinstance(named, str) or named not in classes:
        raise ValueError("it names a class that is no step's result")
    return classes[named].model_validate(value["data"])


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
