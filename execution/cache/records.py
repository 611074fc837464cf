"""Results of steps, as Prefect's result storage.

A record is JSON with its own digest. It is valid only while every array and file that it refers to is intact; an
invalid record is set aside and its step runs again. Prefect never reads a stored record directly: it may name any
serializer and any class, which Prefect would import and call. Only results of the project's own classes are passed on.
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
    """The bytes of the record under a cache key, or under a path that ends with one.

    Raises
    ------
    Forbidden : the user may not read it
    ValueError : there is no such record, or it is invalid; Prefect takes either for "not cached"
    """
    key = key_of(path)
    try:
        envelope = Envelope.model_validate_json(storage.get(key))
        if hashlib.sha256(envelope.record.encode()).hexdigest() != envelope.sha256:
            raise ValueError("it is damaged")
        record = Record.model_validate_json(envelope.record)
        if (record.metadata.storage_key, record.metadata.serializer) != (key, SERIALIZER):
            raise ValueError("it belongs to another step, or uses another serializer")
        result = json.loads(record.result, object_hook=known)
        if not isinstance(result, Result):
            raise ValueError("it contains no result of a step")
        for referred in arrays.referred_to(result.model_dump_json().encode()):
            arrays.check(storage, referred)
    except FileNotFoundError:
        raise ValueError(f"no record {path}") from None
    except (OSError, ValueError, RecursionError, StoreError) as error:
        why = "it does not have the form of a record" if isinstance(error, ValidationError) else error
        log.warning("Cached result %s… is not used: %s. Its step runs again.", key[-64:-52], why)
        storage.set_aside(key)
        raise ValueError(f"record {path} is invalid") from error
    return record.model_dump_json().encode()


def known(value: dict[str, Any]) -> Any:
    """A JSON object as the result class that it names. Prefect's decoder would import any class.

    Raises
    ------
    ValueError : it names another class, or its fields do not fit
    """
    if not {"__class__", "__exc_type__"} & value.keys():
        return value
    classes = {f"{cls.__module__}.{cls.__qualname__}": cls for cls in Result.__subclasses__()}
    named = value.get("__class__")
    if value.keys() != {"__class__", "data"} or not isinstance(named, str) or named not in classes:
        raise ValueError("it names a class that is no step's result")
    return classes[named].model_validate(value["data"])


def key_of(path: str) -> str:
    """The storage key of a record; Prefect gives its cache key, or the path that `_resolve_path` returned for it."""
    return f"{layout.RECORDS}/{path.rpartition('/')[2]}"


class RecordStorage(WritableFileSystem):
    """Records in the sweep's storage, by cache key."""

    storage: AnyStorage
    _logged: set[str] = PrivateAttr(default_factory=set)  # Prefect reads a record more than once

    def _resolve_path(self, path: str) -> Path:  # else Prefect looks below the working folder
        return Path(key_of(path))

    def read_path(self, path: str, **_: Any) -> bytes:  # type: ignore[override]  # Prefect calls it synchronously
        """The record's bytes; see `read`."""
        record = read(self.storage, path)
        key, context = key_of(path), TaskRunContext.get()
        # A batch, which has another policy, logs this itself.
        single = context and isinstance(context.task.cache_policy, DeterminedByInputsAndSources)
        if single and key not in self._logged:
            self._logged.add(key)
            log.info("Cached: the result of W&B run %s", Path(key).name[: layout.IDENTITY], extra={"console": False})
        return record

    def write_path(self, path: str, content: bytes, **_: Any) -> None:  # type: ignore[override]
        envelope = {"sha256": hashlib.sha256(content).hexdigest(), "record": content.decode()}
        self.storage.put(key_of(path), json.dumps(envelope).encode())

    async def aread_path(self, path: str) -> bytes:
        return self.read_path(path)

    async def awrite_path(self, path: str, content: bytes) -> None:
        self.write_path(path, content)
