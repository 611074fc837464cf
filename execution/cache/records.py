"""Results of steps, as Prefect's result storage.

A record is JSON with its own digest. It is valid only while every array and file that it refers to is intact; an
invalid record is set aside and its step runs again. Prefect never reads a stored record directly: it may name any
serializer and any class, which Prefect would import and call. Only results of the project's own classes are passed on.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from prefect.filesystems import WritableFileSystem
from prefect.serializers import JSONSerializer
from pydantic import ValidationError

from execution import log
from execution.storage import AnyStorage, arrays, layout
from experiment.errors import StoreError
from experiment.values import Frozen, Result

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


class CachedResult(NamedTuple):
    record: bytes
    result: Result


class ArrayMissing(ValueError):
    """A record refers to an array that seems to be missing. It stays: its step writes it again."""


class Envelope(Frozen):
    sha256: str  # of the record
    record: str


def read(storage: AnyStorage, path: str) -> CachedResult:
    """The record and its result under a cache key, or under a path that ends with one.

    Raises
    ------
    Forbidden : the user may not read it
    ValueError : there is no such record, or it is invalid; Prefect takes either for "not cached"
    ArrayMissing
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
    except StoreError as error:
        raise ArrayMissing(f"record {path} is invalid") from error
    except (OSError, ValueError, RecursionError) as error:
        warn(path, "it does not have the form of a record" if isinstance(error, ValidationError) else error)
        storage.set_aside(key)
        raise ValueError(f"record {path} is invalid") from error
    return CachedResult(record.model_dump_json().encode(), result)


def result_of(storage: AnyStorage, path: str) -> Result | None:
    """The result in a record, for the step itself, which looks last; None if it has to run."""
    try:
        return read(storage, path).result
    except ArrayMissing as missing:  # Prefect has looked several times
        warn(path, missing.__cause__)
    except ValueError:
        pass
    return None


def warn(path: str, why: object) -> None:
    log.warning("Cached result %s… is not used: %s. Its step runs again.", path[-64:-52], why)


def known(value: dict[str, Any]) -> Any:
    """A JSON object as the result class that it names; ValueError for another. Prefect would import any class."""
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

    def _resolve_path(self, path: str) -> Path:  # else Prefect looks below the working folder
        return Path(key_of(path))

    def read_path(self, path: str, **_: Any) -> bytes:  # type: ignore[override]  # Prefect calls it synchronously
        """The record's bytes; see `read`."""
        return read(self.storage, path).record

    def write_path(self, path: str, content: bytes, **_: Any) -> None:  # type: ignore[override]
        envelope = {"sha256": hashlib.sha256(content).hexdigest(), "record": content.decode()}
        self.storage.put(key_of(path), json.dumps(envelope).encode())
