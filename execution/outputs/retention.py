"""What of a storage no kept sweep needs any more.

A sweep is a folder whose summary can be read. A folder of which that cannot be said stops everything, for what it may
need is not known; and what is not named as the program names things is left alone.
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
EARLIER_RELEASE = "derived"  # which arrays were made from which
NAMES = {  # how the program names what it writes into a folder, but for what is set aside
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
    name: str  # in its summary: of a copy, that of the original
    finished: datetime | None  # None: its release did not say
    identities: frozenset[str]  # of its steps' runs, by which their results are named


class Unneeded(NamedTuple):
    keys: list[str]  # of objects and folders, in the order in which they are to go
    unsent: int  # W&B runs that ended, belong to no kept sweep, and were never sent
    undated: list[str]  # sweeps that stay because nothing says how old they are


def unneeded(storage: AnyStorage, keep: int | None, *, unsent: bool = False) -> Unneeded:
    """Return what none of the kept sweeps refers to.

    Parameters
    ----------
    keep : how many of the newest sweeps to keep; None keeps all
    unsent : W&B runs that were never sent are not needed, either

    Raises
    ------
    InUse : removing now would take something from under a running sweep
    InputError : names a folder that is no sweep whose summary can be read
    """
    refuse_if_in_use(storage)
    folders = set(storage.list(layout.SWEEPS)) - {layout.LATEST, layout.HISTORY}
    drafts = {key for key in folders if is_left_over(key, folders)}
    sweeps = {key: read(storage, key) for key in sorted(folders - drafts) if any(storage.list(key))}
    latest = read(storage, layout.LATEST) if any(storage.list(layout.LATEST)) else None
    dated = sorted(  # a copy counts as older than what it was made from
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
    referred = {other for key in records for other in referred_by(storage, key)}.union(*staying.values())
    identities |= {part for key in staying for part in name(key).split("-")}

    def doomed() -> Iterator[str]:
        """Yield first what refers to others: whenever this is cut short, nothing that is left lacks anything."""
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
    """Remove what was found and is still not needed, and let no sweep begin meanwhile."""
    with held(storage.lock(CLEANING)):
        still = set(unneeded(storage, keep, unsent=unsent).keys)
        for key in found.keys:
            if key in still:
                storage.delete(key)


@contextmanager
def in_use(storage: AnyStorage, flow_run: str) -> Iterator[None]:
    """Let nothing be removed meanwhile; begins when what is being removed is gone."""
    mine = f"{layout.LOCKS}/{flow_run}.lock"
    with held(storage.lock(mine)):
        with held(storage.lock(CLEANING)):
            pass
        yield
        storage.delete(mine)  # a folder keeps the files of locks, and there is one for each night


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
    """Yield the keys in a folder that the program gave, or set aside."""
    pattern = re.compile(rf"{NAMES[folder]}(\.bad-\d+)?")
    yield from (key for key in storage.list(folder) if pattern.fullmatch(name(key)))


def is_left_over(key: str, folders: set[str]) -> bool:
    """Return whether a sweep that was killed as it was published left this; not if it is all there is of the sweep."""
    draft = re.fullmatch(r"\.(.+)\.\d+(\.latest|\.old)?", name(key))
    return draft is not None and (draft[2] != ".old" or f"{layout.SWEEPS}/{draft[1]}" in folders)


class Provenance(BaseModel):
    finished: AwareDatetime | None = None


class Summary(BaseModel):
    """What of a summary is needed here, of whatever release."""

    name: str
    runs: dict[str, tuple[Annotated[str, Field(pattern=f"^{IDENTITY}$")], ...]] = Field(min_length=1)
    provenance: Provenance


def read(storage: AnyStorage, key: str) -> Sweep:
    """Return what a folder's summary says.

    Raises
    ------
    InputError : it cannot be read
    """
    try:
        summary = Summary.model_validate_json(storage.get(f"{key}/summary.json"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{storage.where(key)} holds no summary of a sweep that can be read, so what it needs is not known, and "
            "nothing is removed: move it away, or run that sweep again"
        ) from error
    identities = frozenset(identity for runs in summary.runs.values() for identity in runs)
    return Sweep(summary.name, summary.provenance.finished, identities)


def referred_by(storage: AnyStorage, key: str) -> set[str]:
    """Return the keys of what a record refers to; one that was set aside needs nothing."""
    return set() if ".bad-" in key else arrays.referred_to(storage.get(key))


def files_to_send(storage: AnyStorage, run: str) -> set[str] | None:
    """Return the keys of what is sent with an offline W&B run that ended and was never sent; None if it is no such."""
    files = list(storage.list(run)) if name(run).startswith("offline-") else []
    written = [key for key in files if key.endswith(".wandb")]
    if len(written) != 1 or any(key.endswith(".synced") for key in files):
        return None
    file = storage.local(written[0])
    return {f"{layout.FILES}/{digest}" for digest in offline.files_sent(file)} if offline.ended(file) else None


def refuse_if_in_use(storage: AnyStorage) -> None:
    """Raise InUse if somebody holds a lock. Of many dead holders the deaths are waited for together."""

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
