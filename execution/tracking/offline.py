"""Files of offline W&B runs: checks of their integrity, and the command that sends them."""

import shlex
import shutil
import struct
import time
import zlib
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from execution import log
from execution.advice import interpreter
from execution.config import Execution, RunContext
from execution.storage import AnyStorage, layout

BEGIN = 7  # bytes before the first record
SECONDS_TO_WRITE = 60  # W&B's client needs one for the first record, on an idle machine


def to_send(storage: AnyStorage, shown: Callable[[str], str] = str) -> str:
    """The command that sends the offline W&B runs in a storage, "" if there are none; `shown` formats paths."""
    return sync(storage, shown) if any("offline-run-" in key for key in storage.list(layout.TRACKING)) else ""


def unsent(storage: AnyStorage) -> set[str]:
    """The identities of all offline runs in a storage."""
    return {id_of(Path(key)).removesuffix("-offline") for key in storage.list(layout.TRACKING) if "offline-run-" in key}


def sync(storage: AnyStorage, shown: Callable[[str], str] = str) -> str:
    """The command that sends all offline W&B runs in a storage."""
    root = shown(storage.where("").rstrip("/"))
    named = [] if root == Execution.model_fields["artifacts"].default.name else ["--artifacts", root]
    return shlex.join([interpreter(), "-m", "flows", "sync", *named])


def warn_of_damage(execution: RunContext, runs: Collection[str]) -> None:
    """Warn of those of these runs that are stored offline in a damaged file, which only `wandb sync` would notice."""
    storage = execution.storage
    for folder in sorted(storage.folder(layout.TRACKING).glob("offline-run-*")):
        name = id_of(folder)
        run = name.removesuffix("-offline")
        if run in runs and not records(folder / f"run-{name}.wandb"):
            log.warning(
                "W&B: %s is damaged and cannot be sent completely. Remove %s* and run the sweep again to rewrite it.",
                folder, storage.where(f"{layout.RECORDS}/{run}"),
            )  # fmt: skip


def remove_unwritten(storage: AnyStorage) -> None:
    """Remove offline runs that were killed before their first record, at which `wandb sync` would fail."""
    for folder in storage.folder(layout.TRACKING).glob("offline-run-*"):
        with suppress(OSError):  # it is being removed or created
            file = (folder / f"run-{id_of(folder)}.wandb").stat()
            if file.st_size <= BEGIN and time.time() - file.st_mtime > SECONDS_TO_WRITE:
                shutil.rmtree(folder)


def id_of(folder: Path) -> str:
    """The id of the offline run in a folder of W&B's client: offline-run-<time>-<id>."""
    return folder.name.split("-", 3)[-1]


def ended(path: Path) -> bool:
    """Whether a `.wandb` file is intact and has its run's end, which W&B's client writes in the background."""
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

    found = records(path)
    return bool(found) and bool(Record.FromString(found[-1]).HasField("exit"))


def records(path: Path) -> list[bytes]:
    """The records of a `.wandb` file; none unless all are intact.

    LevelDB's log format (https://github.com/google/leveldb/blob/main/doc/log_format.md) after `BEGIN` bytes of
    W&B's own, with zlib's CRC-32 of type and data.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return []
    position, block, header, kind = BEGIN, 32768, 7, 0
    found: list[bytes] = []
    first, last = (1, 2), (1, 4)  # kinds of fragments that begin and that end a record; 1: both
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
