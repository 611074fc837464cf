"""What of a storage no kept sweep needs any more."""

import json
from collections.abc import Iterator

from execution.storage import arrays, layout
from execution.storage.choose import AnyStorage
from experiment.errors import InUse


def unneeded(storage: AnyStorage, keep: int | None) -> list[str]:
    """Return the keys of objects and folders that none of the kept sweeps refers to.

    Parameters
    ----------
    keep : how many of the newest sweeps to keep; None keeps all

    Raises
    ------
    InUse : removing now would take something from under a running sweep
    """
    refuse_if_in_use(storage)
    folders = [key for key in storage.list(layout.SWEEPS) if key not in (layout.LATEST, layout.HISTORY)]
    drafts = [key for key in folders if name(key).startswith(".")]  # of sweeps that were killed as they were published
    sweeps = sorted((key for key in folders if key not in drafts), key=storage.modified, reverse=True)
    kept, dropped = sweeps[:keep], sweeps[keep:] if keep is not None else []
    identities = {identity for sweep in kept for identity in identities_of(storage, sweep)}
    records = {key for key in storage.list(layout.RECORDS) if name(key)[: layout.IDENTITY] in identities}
    referred = {key for record in records for key in arrays.referred_to(storage.get(record))}

    def doomed() -> Iterator[str]:
        yield from drafts
        yield from dropped
        yield from (key for key in storage.list(layout.RECORDS) if key not in records)
        for folder in (layout.ARRAYS, layout.FILES):
            yield from (key for key in storage.list(folder) if key not in referred)
        yield from (key for key in storage.list(layout.CHECKPOINTS) if name(key).split(".")[0] not in identities)
        yield from (key for key in storage.list(layout.BEGUN) if name(key).split("-")[0] not in identities)
        runs = (key for key in storage.list(layout.TRACKING) if "run-" in name(key))
        yield from (key for key in runs if not any(part in identities for part in name(key).split("-")))
        for folder in (layout.LOCKS, layout.RUNS, layout.DRAFTS):
            yield from storage.list(folder)

    return sorted(doomed())


def name(key: str) -> str:
    return key.rsplit("/", 1)[-1]


def identities_of(storage: AnyStorage, sweep: str) -> set[str]:
    """Return what the runs of a finished sweep are called; none if its summary cannot be read."""
    try:
        runs = json.loads(storage.get(f"{sweep}/summary.json"))["runs"]
        return {identity for of_step in runs.values() for identity in of_step}
    except (OSError, ValueError, KeyError):
        return set()


def refuse_if_in_use(storage: AnyStorage) -> None:
    for key in storage.list(layout.LOCKS):
        lock = storage.lock(key)
        if not lock.acquire(0, given_up=lambda: False):
            raise InUse(f"a sweep is running on {storage.where('')}: let it end first")
        lock.release()
