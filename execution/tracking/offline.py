"""Offline W&B runs as they lie on the disk: is every record of them as W&B's client wrote it?"""

import logging
import re
import shlex
import shutil
import struct
import time
import zlib
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from execution.advice import interpreter
from execution.config import RunContext
from execution.storage import layout
from execution.storage.choose import AnyStorage

log = logging.getLogger("sweep")

BEGIN = 7  # bytes before the first record
SECONDS_TO_WRITE = 60  # W&B's client takes one for the first record, on a machine that has time for it


def to_send(storage: AnyStorage, said: Callable[[str], str] = str) -> str:
    """Return the command that sends the offline W&B runs in a storage, ready to be pasted; "" if there are none.

    `said` : how paths are written
    """
    if not any("offline-run-" in key for key in storage.list(layout.TRACKING)):
        return ""
    folder = said(storage.where(layout.TRACKING))
    return sync(storage, folder) if storage.remote else f"{sync(storage, folder)}/offline-run-*"


def unsent(storage: AnyStorage) -> set[str]:
    """The identities of the runs that lie here."""
    return {id_of(Path(key)).removesuffix("-offline") for key in storage.list(layout.TRACKING) if "offline-run-" in key}


def sync(storage: AnyStorage, folder: str | Path) -> str:
    """Return the command that sends what lies in a folder; from an object store, all that lies there."""
    if storage.remote:
        return shlex.join([interpreter(), "-m", "flows", "sync", "--artifacts", storage.where("").rstrip("/")])
    return shlex.join([interpreter(), "-m", "wandb", "sync", str(folder)])


def warn_of_damage(execution: RunContext, runs: Collection[str]) -> None:
    """Say which of these runs lie here, not sent, in a file that is not as W&B's client wrote it.

    Nothing of the sweep reads these files, so nothing else would notice before `wandb sync` does.
    """
    storage = execution.storage
    for folder in sorted(storage.folder(layout.TRACKING).glob("offline-run-*")):
        name = id_of(folder)
        run = name.removesuffix("-offline")
        if run in runs and not whole(folder / f"run-{name}.wandb"):
            log.warning(
                "W&B: %s is damaged and cannot be sent whole. Remove %s* and run again: its step runs anew.",
                folder, storage.where(f"{layout.RECORDS}/{run}"),
            )  # fmt: skip


def remove_unwritten(storage: AnyStorage) -> None:
    """Remove offline runs that were killed before they said a word: given one, `wandb sync` sends no run at all."""
    for folder in storage.folder(layout.TRACKING).glob("offline-run-*"):
        with suppress(OSError):  # it is being removed, or begun
            file = (folder / f"run-{id_of(folder)}.wandb").stat()
            if file.st_size <= BEGIN and time.time() - file.st_mtime > SECONDS_TO_WRITE:
                shutil.rmtree(folder)


def id_of(folder: Path) -> str:
    """Return the id of the offline run in a folder that W&B's client made: offline-run-<time>-<id>."""
    return folder.name.split("-", 3)[-1]


def whole(path: Path) -> bool:
    """Return whether every record of a `.wandb` file has the checksum that was written with it, to the file's end."""
    return bool(records(path))


def ended(path: Path) -> bool:
    """Return whether a `.wandb` file has its run's end, and is whole: W&B's client returns before that is written."""
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

    found = records(path)
    return bool(found) and bool(Record.FromString(found[-1]).HasField("exit"))


def files_sent(path: Path) -> set[str]:
    """Return the digests of the stored files that a run whose `.wandb` file this is sends from where they lie."""
    return {
        found.decode() for found in re.findall(rb"/%s/([0-9a-f]{64})" % layout.FILES.encode(), b"".join(records(path)))
    }


def records(path: Path) -> list[bytes]:
    """Return the records of a `.wandb` file; none unless every one is whole.

    LevelDB's log format (https://github.com/google/leveldb/blob/main/doc/log_format.md) after `BEGIN` bytes of
    W&B's own, with zlib's CRC-32 of type and data.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return []
    position, block, header, kind = BEGIN, 32768, 7, 0
    found: list[bytes] = []
    first, last = (1, 2), (1, 4)  # kinds of what begins a record and of what ends one: all of it, or a part
    while position < len(content):
        if (left := block - position % block) < header:
            position += left
            continue
        if position + header > len(content):
            return []
        checksum, length, kind = struct.unpack_from("<IHB", content, position)
        data = content[position + header : position + header + length]
        if len(data) < length or zlib.crc32(data, zlib.crc32(bytes([kind]))) != checksum:
            return []
        if kind in first:
            found.append(data)
        else:
            found[-1:] = [b"".join(found[-1:]) + data]
        position += header + length
    return found if kind in last else []
