"""Folders that programs such as W&B create on any machine, kept in an object store."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from execution.storage import copies

if TYPE_CHECKING:
    from execution.storage.objects import ObjectStorage

BESIDE_RESULTS = ("logs", "tmp")  # parts of W&B's folders that are not sent


def hand_over(storage: "ObjectStorage", made: Path, key: str) -> None:
    """Move a folder into the store; see `Storage`.

    Earlier files under the key are removed last, since another process's record may refer to them.
    """
    files = {f"{key}/{path.relative_to(made).as_posix()}": path for path in sorted(made.rglob("*")) if path.is_file()}
    files = {name: path for name, path in files.items() if path.relative_to(made).parts[0] not in BESIDE_RESULTS}
    old = [entry["path"] for entry in storage.below(key) if entry["path"] not in files]
    for name, path in files.items():
        storage.put(name, path.read_bytes())
    if old:
        storage.remove(old)
    shutil.rmtree(made)


def gather(storage: "ObjectStorage", name: str) -> list[Path]:
    """Fetch the folders below `name`; see `Storage`. A changed folder is fetched completely, others not at all."""
    children: dict[str, list[Any]] = {}
    for entry in storage.below(name):
        children.setdefault("/".join(entry["path"].split("/")[:2]), []).append(entry)
    for child, entries in children.items():
        if all(same(storage.home / entry["path"], entry) for entry in entries):
            continue
        shutil.rmtree(storage.home / child, ignore_errors=True)
        for entry in entries:
            with copies.draft(storage.home) as file:
                file.write(storage.get(entry["path"]))
                copies.admit(storage.home, file, entry["path"])
            os.utime(storage.home / entry["path"], (entry["last_modified"].timestamp(),) * 2)
    return [storage.home / child for child in children]


def same(path: Path, entry: Any) -> bool:
    """Whether a file is an unchanged copy of this object."""
    try:
        known = path.stat()
    except OSError:
        return False
    return (known.st_size, int(known.st_mtime)) == (entry["size"], int(entry["last_modified"].timestamp()))
