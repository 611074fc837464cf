"""The storage for an artifact root, and the check that it can be used."""

import errno
import re
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import TypeAlias

from filelock import FileLock
from obstore.exceptions import AlreadyExistsError

from execution.storage import client, layout
from execution.storage.local import LocalStorage
from execution.storage.objects import ObjectStorage
from experiment.errors import InputError, StoreError, Unavailable
from experiment.values import expanded

AnyStorage: TypeAlias = LocalStorage | ObjectStorage  # every implementation of `Storage`
ROOM = 1_000_000  # bytes: a database that grows needs more
XDG = "set XDG_CACHE_HOME to another folder"


def root(given: Path | str) -> Path | str:
    """The path of a folder, or an address in an object store. InputError if it looks like an address and is none."""
    text = str(given)
    if not re.match(r"[A-Za-z][\w+.-]+:/", text):
        return expanded(text)
    if not re.fullmatch(r"(s3|gs|az)://[^\s/?#@]+(/[^\s/?#]+)*/?", text):
        raise InputError(
            f"{text} is no valid address: give s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
        )
    return text.rstrip("/")


def storage_at(given: Path | str) -> AnyStorage:
    """The storage with this artifact root; see `root`."""
    found = root(given)
    return ObjectStorage(url=found) if isinstance(found, str) else LocalStorage(root=found.resolve())


def file_at(given: str) -> Path:
    """A local file for a path, or for an address below `sweeps/` in an object store."""
    above, _, name = given.rpartition(f"/{layout.SWEEPS}/")
    return storage_at(above).local(f"{layout.SWEEPS}/{name}") if above else Path(given)


def check(storage: AnyStorage, space: int) -> None:
    """Raise InputError unless the storage can be used, and this machine's part of it has `space` bytes free."""
    if isinstance(storage, ObjectStorage):
        check_store(storage)
        folder, where, instead = storage.home, f"copies of {storage.url} go to {storage.home}, which", XDG
    else:
        folder, where, instead = storage.root, "", "give another folder"
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    where = f"artifacts: {where or existing}"
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        reason = "is not a folder" if error.errno == errno.ENOTDIR else f"cannot be written to ({error.strerror})"
        raise InputError(f"{where} {reason}: {instead}") from error
    probe = existing / f".{uuid.uuid4().hex}.lock"
    try:
        with FileLock(probe):
            pass
    except (OSError, NotImplementedError) as error:
        raise InputError(
            f"{where} is on a file system without locks ({error}), which sweeps need: {instead}, on another one"
        ) from error
    finally:
        probe.unlink(missing_ok=True)
    if (free := shutil.disk_usage(existing).free) < space:
        raise InputError(
            f"{where} has {free / 1e6:.0f} MB free and this sweep needs {space / 1e6:.0f} MB: make room, or {instead}"
        )


def check_room(storage: AnyStorage) -> None:
    """Raise StoreError if hardly anything can be written on this machine's part of a storage."""
    folder = storage.home if isinstance(storage, ObjectStorage) else storage.root
    if shutil.disk_usage(folder).free < ROOM:
        raise StoreError(f"{folder} has no space left: make room, and run the same command again")


def check_store(storage: ObjectStorage) -> None:
    """Raise InputError unless objects can be written on conditions, read, listed and deleted."""
    probe, once = f"{layout.DRAFTS}/{uuid.uuid4().hex}", client.PATIENCE_AT_START
    try:
        storage.ask(lambda store: store.put(probe, b"", mode="create"), once)
        try:
            storage.ask(lambda store: store.get(probe).bytes(), once)
            storage.ask(lambda store: store.list_with_delimiter(layout.DRAFTS), once)
            storage.ask(lambda store: store.put(probe, b"", mode="create"), once)
        except AlreadyExistsError:
            return
        finally:
            storage.ask(lambda store: store.delete(probe), once)
    except (Unavailable, FileNotFoundError) as error:
        raise InputError(f"artifacts: {error}") from error
    raise InputError(
        f"artifacts: {storage.url} ignores conditions on writes (If-None-Match), which locks need: use another store, "
        "or a newer version"
    )
