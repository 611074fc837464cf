"""Offline W&B runs as they lie on the disk: is every record of them as W&B's client wrote it?"""

import logging
import shlex
import struct
import zlib
from collections.abc import Collection
from pathlib import Path

from execution.advice import interpreter
from execution.config import Underway
from execution.storage import layout

log = logging.getLogger("sweep")


def to_send(folder: str) -> str:
    """Return the command that sends the W&B runs that lie in a folder, ready to be pasted; "" if there are none."""
    return f"{sync(folder)}/offline-run-*" if any(Path(folder).glob("offline-run-*")) else ""


def sync(folder: str | Path) -> str:
    """Return the command that sends what lies in a folder."""
    return shlex.join([interpreter(), "-m", "wandb", "sync", str(folder)])


def warn_of_damage(execution: Underway, runs: Collection[str]) -> None:
    """Say which of these runs lie here, not sent, in a file that is not as W&B's client wrote it.

    Nothing of the sweep reads these files, so nothing else would notice before `wandb sync` does.
    """
    storage = execution.storage
    for folder in sorted(storage.folder(layout.TRACKING).glob("offline-run-*")):
        name = folder.name.split("-", 3)[-1]  # offline-run-<time>-<id>
        run = name.removesuffix("-offline")
        if run in runs and not whole(folder / f"run-{name}.wandb"):
            log.warning(
                "W&B: %s is damaged and cannot be sent whole. Remove %s* and run again: its step runs anew.",
                folder, storage.where(f"{layout.RECORDS}/{run}"),
            )  # fmt: skip


def whole(path: Path) -> bool:
    """Return whether every record of a `.wandb` file has the checksum that was written with it, to the file's end.

    LevelDB's log format (https://github.com/google/leveldb/blob/main/doc/log_format.md) after seven bytes of W&B's
    own, with zlib's CRC-32 of type and data.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return False
    position, block, header = 7, 32768, 7
    while position < len(content):
        if (left := block - position % block) < header:
            position += left
            continue
        if position + header > len(content):
            return False
        checksum, length, kind = struct.unpack_from("<IHB", content, position)
        data = content[position + header : position + header + length]
        if len(data) < length or zlib.crc32(data, zlib.crc32(bytes([kind]))) != checksum:
            return False
        position += header + length
    return position > header
