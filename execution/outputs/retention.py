"""Removal of everything that no kept sweep needs.

A sweep is a folder with a readable summary. A folder without one stops the removal, since its needs are unknown.
Objects whose names the program does not use are never removed.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, BaseModel, Field

from execution.storage import arrays, layout
from execution.storage.choose import AnyStorage
from execution.storage.protocol import Lock
from execution.tracking import offline
from experiment.errors import InputError, InUse

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
    layout.BEGUN: rf"\.?{IDENTITY}(-offline)?",
    layout.LOCKS: rf"({IDENTITY}|history|publish|[0-9a-f-]{{36}})\.lock",
    layout.RUNS: "[0-9a-f-]{36}",
    layout.DRAFTS: "[0-9a-f]{32}",
}


class Sweep(NamedTuple):
    name: str  # in its summary; a copied folder has the original's
    finished: datetime | None  # None: its release did not record it
    identities: frozenset[str]  # of its steps, which name their results


class Unneeded(NamedTuple):
    keys: list[str]  # of objects and folders, in order of removal
    unsent: int  # finished W&B runs of no kept sweep that were never sent
    undated: list[str]  # sweeps that are kept because their age is unknown


def unneeded(storage: AnyStorage, keep: int | None, *, unsent: bool = False) -> Unneeded:
    """Everything that no kept sweep refers to.

    Parameters
    ----------
    keep : number of newest sweeps to keep; None keeps all
    unsent : W&B runs that were never sent are not needed either

    Raises
    ------
    InUse : a sweep is running
    InputError : names a folder without a readable summary
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
    identities = frozenset[str]().union(*(sweep.identities for sweep in kept))
    others = [key for key in ours(storage, layout.TRACKING) if not identities & set(name(key).split("-"))]
    waiting = {key: needed for key in others if (needed := files_to_send(storage, key)) is not None}
    staying = {} if unsent else waiting

    records = {key for key in ours(storage, layout.RECORDS) if name(key)[: layout.IDENTITY] in identities}
    valid = (key for key in records if ".bad-" not in key)  # nothing needs what a record set aside refers to
    referred = {other for key in valid for other in arrays.referred_to(storage.get(key))}.union(*staying.values())
    identities |= {part for key in staying for part in name(key).split("-")}

    def doomed() -> Iterator[str]:
        """Referring objects before the ones they refer to, so that an interruption breaks none."""
        yield from sorted(dropped | drafts)
        yield from (key for key in ours(storage, layout.RECORDS) if key not in records)
        yield from (key for key in others if key not in staying)
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


@contextmanager
def in_use(storage: AnyStorage, flow_run: str) -> Iterator[None]:
    """Prevent removal inside the block, after waiting for a removal in progress."""
    mine = f"{layout.LOCKS}/{flow_run}.lock"
    with held(storage.lock(mine)):
        with held(storage.lock(CLEANING)):
            pass
        yield
        storage.delete(mine)  # a local storage keeps lock files, and each run has its own


@contextmanager
def held(lock: Lock) -> Iterator[None]:
    lock.acquire(None, given_up=lambda: False)
    try:
        yield
    finally:
        lock.release()


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


class Provenance(BaseModel):
    finished: AwareDatetime | None = None


class Summary(BaseModel):
    """The part of a summary, of any release, that is needed here."""

    name: str
    runs: dict[str, tuple[Annotated[str, Field(pattern=f"^{IDENTITY}$")], ...]] = Field(min_length=1)
    provenance: Provenance


def read(storage: AnyStorage, key: str) -> Sweep:
    """The sweep in a folder, from its summary.

    Raises
    ------
    InputError : the summary cannot be read
    """
    try:
        summary = Summary.model_validate_json(storage.get(f"{key}/summary.json"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{storage.where(key)} holds no readable summary of a sweep, so nothing is removed that it may need: move "
            "it away, or run that sweep again"
        ) from error
    identities = frozenset(identity for runs in summary.runs.values() for identity in runs)
    return Sweep(summary.name, summary.provenance.finished, identities)


def files_to_send(storage: AnyStorage, run: str) -> set[str] | None:
    """The keys of files to send with a finished offline W&B run that was never sent; None for other runs."""
    files = list(storage.list(run)) if name(run).startswith("offline-") else []
    written = [key for key in files if key.endswith(".wandb")]
    if len(written) != 1 or any(key.endswith(".synced") for key in files):
        return None
    file = storage.local(written[0])
    return {f"{layout.FILES}/{digest}" for digest in offline.files_sent(file)} if offline.ended(file) else None


def refuse_if_in_use(storage: AnyStorage) -> None:
    """Raise InUse if any lock is held. Locks are checked in parallel, since each dead holder takes time to detect."""

    def free(key: str) -> bool:
        lock = storage.lock(key)
        if not lock.acquire(0, given_up=lambda: False):
            return False
        lock.release()
        return True

    keys = [key for key in storage.list(layout.LOCKS) if key.endswith(".lock") and key != CLEANING]
    with ThreadPoolExecutor(max(len(keys), 1)) as pool:
        if not all(pool.map(free, keys)):
            raise InUse(f"a sweep is running on {storage.where('')}: let it end first")
