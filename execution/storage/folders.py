"""Folders that programs make on some machine, W&B's say, kept in an object store and brought together again."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from execution.storage import copies

if TYPE_CHECKING:
    from execution.storage.objects import ObjectStorage

BESIDE_RESULTS = ("logs", "tmp")  # what of W&B's folders nobody sends


def hand_over(storage: "ObjectStorage", made: Path, key: str) -> None:
    """See `Storage`. The store has it from here on, and only the store."""
    if storage.below(key):
        storage.delete(key)
    for path in sorted(made.rglob("*")):
        inside = path.relative_to(made)
        if path.is_file() and inside.parts[0] not in BESIDE_RESULTS:
            storage.put(f"{key}/{inside.as_posix()}", path.read_bytes())
    shutil.rmtree(made)


def gather(storage: "ObjectStorage", name: str) -> list[Path]:
    """See `Storage`. Only what is new is fetched, each folder whole: W&B's client leaves marks in them."""
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
    """Return whether a file is what was gathered of this object before."""
    try:
        known = path.stat()
    except OSError:
        return False
    return (known.st_size, int(known.st_mtime)) == (entry["size"], int(entry["last_modified"].timestamp()))
