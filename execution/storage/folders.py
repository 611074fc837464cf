"""Whole folders in a storage: those of finished sweeps, and those that programs such as W&B create on any machine."""

import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from execution import faults
from execution.storage import copies, layout
from execution.storage.choose import AnyStorage
from execution.storage.files import draft, sync
from execution.storage.objects import ObjectStorage

BESIDE_RESULTS = ("logs", "tmp")  # parts of W&B's folders that are not sent


def size(storage: AnyStorage, key: str) -> int:
    """Size in bytes of an object, or of everything below a folder."""
    if isinstance(storage, ObjectStorage):
        found = storage.head(key)
        return sum(entry["size"] for entry in ([found] if found else storage.below(key)))
    path = storage.root / key
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_dir())


def publish(storage: AnyStorage, folder: str, files: Mapping[str, bytes], replaced: Collection[str] = ()) -> None:
    """Replace a folder by one with these files and those of its own not `replaced`; point `latest` beside it to it."""
    parent, _, name = folder.rpartition("/")
    if isinstance(storage, ObjectStorage):
        # A store cannot exchange folders. So the old files are removed first: for a moment there are none, rather than
        # files of two sweeps. After a kill, running the sweep again, by then cached, writes them.
        old = {f"{folder}/{file}" for file in (*files, *replaced)}
        storage.remove([entry["path"] for entry in storage.below(folder) if entry["path"] in old])
        for file, content in files.items():
            storage.put(f"{folder}/{file}", content)
        faults.point("publish in place")
        storage.put(f"{parent}/latest", name.encode())
        return
    path = storage.folder(parent) / name
    new = path.with_name(f".{name}.{os.getpid()}")
    for left in path.parent.glob(f".{name}.*.old"):
        if path.exists():
            shutil.rmtree(left, ignore_errors=True)
        else:  # a sweep killed between the two renames below
            left.rename(path)
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    for file, content in files.items():
        with (new / file).open("wb") as written:
            written.write(content)
            sync(written)
    for other in path.iterdir() if path.is_dir() else ():
        if other.name not in {*files, *replaced}:
            if other.is_dir() and not other.is_symlink():
                shutil.copytree(other, new / other.name, symlinks=True)
            else:
                shutil.copy2(other, new / other.name, follow_symlinks=False)
    before = new.with_name(f"{new.name}.old")
    if path.exists():
        path.rename(before)
    faults.point("publish between")
    new.rename(path)
    faults.point("publish in place")
    shutil.rmtree(before, ignore_errors=True)
    link, latest = path.with_name(f"{new.name}.latest"), path.with_name("latest")
    link.unlink(missing_ok=True)
    try:
        link.symlink_to(name)
    except OSError:  # there are no links here
        link.write_text(name)
    faults.point("publish linked")
    if latest.is_dir() and not latest.is_symlink():  # copied with links followed
        storage.set_aside(f"{parent}/latest")
    link.replace(latest)


def hand_over(storage: AnyStorage, made: Path, key: str) -> None:
    """Store under `key` a folder that a program has created below `folder(…)`, in place of an earlier one."""
    if not isinstance(storage, ObjectStorage):  # it is in place
        return
    files = {f"{key}/{path.relative_to(made).as_posix()}": path for path in sorted(made.rglob("*")) if path.is_file()}
    files = {name: path for name, path in files.items() if path.relative_to(made).parts[0] not in BESIDE_RESULTS}
    # Earlier files are removed last, since another process's record may refer to them.
    old = [entry["path"] for entry in storage.below(key) if entry["path"] not in files]
    for name, path in files.items():
        storage.put(name, path.read_bytes())
    if old:
        storage.remove(old)
    shutil.rmtree(made)


def gather(storage: AnyStorage, name: str) -> Sequence[Path]:
    """Local folders, one for each that was handed over below `name`; from an object store only changed ones."""
    if not isinstance(storage, ObjectStorage):
        return [path for path in (storage.root / name).glob("*") if path.is_dir()]
    children: dict[str, list[Any]] = {}
    for entry in storage.below(name):
        children.setdefault("/".join(entry["path"].split("/")[:2]), []).append(entry)
    for child, entries in children.items():
        if all(same(storage.home / entry["path"], entry) for entry in entries):
            continue
        shutil.rmtree(storage.home / child, ignore_errors=True)
        for entry in entries:
            with draft(storage.folder(layout.DRAFTS)) as file:
                file.write(storage.get(entry["path"]))
                file.flush()
                copies.admit(storage.home, Path(file.name), entry["path"])
            os.utime(storage.home / entry["path"], (entry["last_modified"].timestamp(),) * 2)
    return [storage.home / child for child in children]


def same(path: Path, entry: Any) -> bool:
    """Whether a file is an unchanged copy of this object."""
    try:
        known = path.stat()
    except OSError:
        return False
    return (known.st_size, int(known.st_mtime)) == (entry["size"], int(entry["last_modified"].timestamp()))
