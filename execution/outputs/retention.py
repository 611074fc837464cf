"""Removal of everything that no kept sweep needs.

A sweep is a folder with a readable summary. A folder without one stops the removal, since its needs are unknown.
Objects whose names the program does not use are never removed.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, BaseModel, Field

from execution import log
from execution.storage import AnyStorage, arrays, held, layout
from execution.tracking import offline
from experiment.errors import InputError, InUse, SweepError

CLEANING = f"{layout.LOCKS}/clean.lock"
DIGEST, IDENTITY = "[0-9a-f]{64}", f"[0-9a-f]{{{layout.IDENTITY}}}"
EARLIER_RELEASE = "derived"  # written by an earlier release: origins of arrays
NAMES = {  # patterns of the names that the program uses in each folder
    layout.RECORDS: DIGEST,
    EARLIER_RELEASE: DIGEST,
    layout.FILES: DIGEST,
    layout.ARRAYS: rf"{DIGEST}\.npy",
    layout.CHECKPOINTS: rf"{IDENTITY}\.ckpt",
    layout.TRACKING: rf"(offline-)?run-(\d{{8}}_\d{{6}}-)?{IDENTITY}(-offline)?",
    layout.STAGED: r"tmp[a-z0-9_]{8}",
    layout.BEGUN: rf"\.?{IDENTITY}(-offline)?",
    layout.LOCKS: rf"({IDENTITY}|history|publish|[0-9a-f-]{{36}})\.lock",
    layout.RUNS: "[0-9a-f-]{36}",
    layout.DRAFTS: "[0-9a-f]{32}",
}


class Provenance(BaseModel):
    finished: AwareDatetime | None = None  # None: its release did not record it


class Sweep(BaseModel):
    """The part of a summary, of any release, that is needed here."""

    name: str  # a copied folder has the original's
    runs: dict[str, tuple[Annotated[str, Field(pattern=f"^{IDENTITY}$")], ...]] = Field(min_length=1)
    provenance: Provenance

    @property
    def finished(self) -> datetime | None:
        return self.provenance.finished


class Unneeded(NamedTuple):
    keys: list[str]  # of objects and folders, in order of removal
    unsent: int  # finished W&B runs of no kept sweep that were never sent
    undated: list[str]  # sweeps that are kept because their age is unknown


def unneeded(storage: AnyStorage, keep: int | None, *, unsent: bool = False) -> Unneeded:
    """Everything that none of the newest `keep` sweeps (None: all) needs; InUse if a sweep is running.

    `unsent`: W&B runs that were never sent are not needed either.
    """
    refuse_if_in_use(storage)
    folders = set(storage.list(layout.SWEEPS)) - {layout.LATEST, layout.HISTORY}
    drafts = {key for key in folders if is_left_over(key, folders)}
    sweeps = {key: read(storage, key) for key in sorted(folders - drafts) if any(storage.list(key))}
    latest = read(storage, layout.LATEST) if any(storage.list(layout.LATEST)) else None
    dated = sorted(  # a copy counts as older than its original
        (
            (latest is not None and name(key) == latest.name, sweep.finished, name(key) == sweep.name, key)
            for key, sweep in sweeps.items()
            if sweep.finished
        ),
        reverse=True,
    )
    dropped = set() if keep is None else {key for *_, key in dated[keep:]}
    kept = [sweep for key, sweep in sweeps.items() if key not in dropped]
    if latest and f"{layout.SWEEPS}/{latest.name}" in dropped:
        dropped.add(layout.LATEST)
    elif latest:
        kept.append(latest)
    identities = {identity for sweep in kept for runs in sweep.runs.values() for identity in runs}  # of their steps
    others = [key for key in ours(storage, layout.TRACKING) if not identities & set(name(key).split("-"))]
    waiting = {key: needed for key in others if (needed := files_to_send(storage, key)) is not None}
    staying = {} if unsent else waiting

    records = {key for key in ours(storage, layout.RECORDS) if name(key)[: layout.IDENTITY] in identities}
    valid = (key for key in records if ".bad-" not in key)  # nothing needs what a record set aside refers to
    referred = {other for key in valid for other in arrays.referred_to(storage.get(key))}.union(*staying.values())
    identities |= {part for key in staying for part in name(key).split("-")}
    staged = set(ours(storage, layout.STAGED))
    if staged:
        runs = set(ours(storage, layout.TRACKING)) - (set(others) - set(staying))
        written = [key for run in runs for key in storage.list(run) if key.endswith(".wandb")]
        staged -= {sent for key in written for sent in files_sent(storage.local(key))}

    def doomed() -> Iterator[str]:
        """Referring objects before the ones they refer to, so that an interruption breaks none."""
        yield from sorted(dropped | drafts)
        yield from (key for key in ours(storage, layout.RECORDS) if key not in records)
        yield from (key for key in others if key not in staying)
        yield from sorted(staged)
        for folder in (layout.ARRAYS, layout.FILES):
            yield from (key for key in ours(storage, folder) if key not in referred)
        for folder in (layout.CHECKPOINTS, layout.BEGUN):
            yield from (key for key in ours(storage, folder) if not set(re.split(r"[.-]", name(key))) & identities)
        for folder in (layout.LOCKS, layout.RUNS, layout.DRAFTS, EARLIER_RELEASE):
            yield from ours(storage, folder)

    undated = [key for key, sweep in sweeps.items() if not sweep.finished] if keep is not None else []
    return Unneeded(list(doomed()), len(waiting), undated)


def remove(storage: AnyStorage, found: Unneeded, keep: int | None, *, unsent: bool = False) -> None:
    """Remove the objects found that are still not needed. No sweep can begin meanwhile."""
    with held(storage.lock(CLEANING)):
        still = set(unneeded(storage, keep, unsent=unsent).keys)
        for key in found.keys:
            if key in still:
                storage.delete(key)


def keep_newest(storage: AnyStorage, keep: int) -> None:
    """Remove everything that none of the newest sweeps needs, unsent W&B runs included; a warning if that cannot be."""
    try:
        found = unneeded(storage, keep, unsent=True)
        remove(storage, found, keep, unsent=True)
    except (SweepError, OSError) as error:
        log.warning("Nothing was removed: %s", error)
    else:
        log.info("Removed what the newest %d sweeps do not need: %d files and folders", keep, len(found.keys))


@contextmanager
def in_use(storage: AnyStorage, flow_run: str) -> Iterator[None]:
    """Prevent removal inside the block, after waiting for a removal in progress."""
    mine = lock_of(flow_run)
    with held(storage.lock(mine)):
        with held(storage.lock(CLEANING)):
            pass
        try:
            yield
        finally:  # what is there later tells of a killed process
            storage.delete(mine)


def lock_of(flow_run: str) -> str:
    return f"{layout.LOCKS}/{flow_run}.lock"


def was_killed(storage: AnyStorage, flow_run: str) -> bool:
    """Whether the process of a flow run ended without releasing its lock."""
    mine = lock_of(flow_run)
    return storage.exists(mine) and free(storage, mine)


def name(key: str) -> str:
    return key.rsplit("/", 1)[-1]


def ours(storage: AnyStorage, folder: str) -> Iterator[str]:
    """The keys in a folder whose names the program uses, also those set aside."""
    pattern = re.compile(rf"{NAMES[folder]}(\.bad-\d+)?")
    yield from (key for key in storage.list(folder) if pattern.fullmatch(name(key)))


def is_left_over(key: str, folders: set[str]) -> bool:
    """Whether a sweep killed during publication left this; not if it is the sweep's only copy."""
    draft = re.fullmatch(r"\.(.+)\.\d+(\.latest|\.old)?", name(key))
    return draft is not None and (draft[2] != ".old" or f"{layout.SWEEPS}/{draft[1]}" in folders)


def read(storage: AnyStorage, key: str) -> Sweep:
    """The sweep in a folder, from its summary; InputError if it cannot be read."""
    try:
        return Sweep.model_validate_json(storage.get(f"{key}/summary.json"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{storage.where(key)} holds no readable summary of a sweep, so nothing is removed that it may need: move "
            "it away, or run that sweep again"
        ) from error


def files_to_send(storage: AnyStorage, run: str) -> set[str] | None:
    """The keys of files to send with a finished offline W&B run that was never sent; None for other runs."""
    files = list(storage.list(run)) if name(run).startswith("offline-") else []
    written = [key for key in files if key.endswith(".wandb")]
    if len(written) != 1 or any(key.endswith(".synced") for key in files):
        return None
    return files_sent(file) if offline.ended(file := storage.local(written[0])) else None


def files_sent(path: Path) -> set[str]:
    """The keys of the stored files, and of W&B's copies of tables, that are sent with the run in a `.wandb` file."""
    known = rf"/({layout.FILES}/{DIGEST}|{layout.STAGED}/{NAMES[layout.STAGED]})"
    return {key.decode() for key in re.findall(known.encode(), b"".join(offline.records(path)))}


def refuse_if_in_use(storage: AnyStorage) -> None:
    """Raise InUse if any lock is held. Locks are checked in parallel, since each dead holder takes time to detect."""
    keys = [key for key in storage.list(layout.LOCKS) if key.endswith(".lock") and key != CLEANING]
    with ThreadPoolExecutor(max(len(keys), 1)) as pool:
        if not all(pool.map(lambda key: free(storage, key), keys)):
            raise InUse(f"a sweep is running on {storage.where('')}: let it end first")


def free(storage: AnyStorage, key: str) -> bool:
    """Whether no living process holds a lock."""
    lock = storage.lock(key)
    if acquired := lock.acquire(0, given_up=lambda: False):
        lock.release()
    return acquired
