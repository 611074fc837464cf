"""What a Dask worker does for every task of a sweep.

Sent as text, since the worker may have another Python or no project: nothing of the sweep is unpickled before `unfit`
has found that Python, packages, sources and what the worker reaches are as they should be. A worker that does not fit
says why (an event of Dask's, on `TOPIC`), closes itself, and has its task go to another one. Two sweeps of other
sources on one worker take turns.
"""

import hashlib
import importlib
import io
import os
import pickle
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any, TypedDict

from distributed import Reschedule, Worker, get_worker
from distributed.core import Status

PACKAGES = ("flows", "tasks", "execution", "report", "experiment", "softmax")
DECIDING = ("numpy", "numba", "llvmlite")  # another version of these may change a bit
ALIKE = (*DECIDING, "prefect", "pydantic")  # of these both sides speak to each other in Python objects
TOPIC = "softmax-sweep"
SECONDS_TO_SEND = 5
MODIFIED = 946684800  # every file: compiled code counts as long as its source has the same time and size


class Sweep(TypedDict):
    """What all tasks of a sweep share, in values that every Python reads alike."""

    text: str  # of this module
    facts: dict[str, str]  # see `facts`
    sources: bytes | None  # a zip; None where the worker imports the driver's own, on its machine
    api: str  # address of Prefect's server
    module: str  # to import before the first task
    tracking: bool  # trainings will have runs of W&B
    memory: int  # bytes that a worker needs
    context: bytes  # pickled: the `RunContext`, and Prefect's context


def run(sweep: Sweep, shared: bytes, call: bytes) -> tuple[dict[str, str], bytes]:
    """Run one task; return what this worker has, and the pickled state that the task ended in.

    Parameters
    ----------
    shared, call : pickled arguments of Prefect's `run_task_sync`, those that all tasks share and the others

    Raises
    ------
    Reschedule : the worker does not fit
    """
    with turn(sweep) as trouble:
        if not trouble:
            import cloudpickle
            from prefect.task_engine import run_task_sync

            state = run_task_sync(**pickle.loads(shared), **pickle.loads(call))  # noqa: S301 - from the driver
            return facts(), cloudpickle.dumps(state)
    leave(trouble)
    raise Reschedule


@contextmanager
def turn(sweep: Sweep) -> Iterator[str]:
    """Wait until no sweep of other sources is at work here; yield why this worker does not fit, "" if it does."""
    here = desk()
    wanted = identity(sweep)
    with here.free:
        here.free.wait_for(lambda: here.sweep == wanted or not here.at_work)
        trouble = unfit(sweep)
        here.at_work += 1
    try:
        yield trouble
    finally:
        with here.free:
            here.at_work -= 1
            here.free.notify_all()


def look(sweep: Sweep) -> str:
    """Return why this worker does not fit, "" if it does; one that is at work for another sweep is not disturbed."""
    here = desk()
    with here.free:
        return unequal(sweep) if here.at_work and here.sweep != identity(sweep) else unfit(sweep)


def desk() -> Any:
    """Return what this process knows of sweeps, whatever sources it has imported since."""
    new: Any = ModuleType("softmax_sweep_desk")
    new.free, new.at_work, new.sweep, new.reached = threading.Condition(), 0, None, set()
    return sys.modules.setdefault(new.__name__, new)


def identity(sweep: Sweep) -> tuple[str, str]:
    return hashlib.sha256(sweep["sources"] or b"").hexdigest(), sweep["api"]


def unfit(sweep: Sweep) -> str:
    """Have the sweep's sources imported; return why this worker cannot train, "" if it can."""
    if trouble := unequal(sweep):
        return trouble
    here = desk()
    try:
        if here.sweep != identity(sweep):
            here.sweep = None
            prepare(sweep)
            here.sweep = identity(sweep)
        if (found := facts()) != sweep["facts"]:
            return f"has {differing(found, sweep['facts'])}, this program {differing(sweep['facts'], found)}"
        execution, context = pickle.loads(sweep["context"])  # noqa: S301 - from the driver
        if sweep["sources"] is not None and execution.flow_run not in here.reached:
            from execution.runners.worker import unreached

            if trouble := unreached(execution, context):
                return trouble
            here.reached.add(execution.flow_run)
    except Exception as error:
        return f"cannot be set up ({type(error).__name__}: {error})"
    return ""


def unequal(sweep: Sweep) -> str:
    """Return what is wrong before anything of the sweep is imported."""
    here = versions()
    there = {name: sweep["facts"][name] for name in here}
    if here != there:
        return f"has {differing(here, there)}, this program {differing(there, here)}"
    limit = getattr(this_worker().memory_manager, "memory_limit", None)
    if limit and limit < sweep["memory"]:
        needed = f"{sweep['memory'] / 1e6:.0f}"
        return (
            f"has a memory limit of {limit / 1e6:.0f} MB and needs {needed} MB: start it with --memory-limit {needed}MB"
        )
    return ""


def this_worker() -> Worker:
    try:
        return get_worker()
    except ValueError:  # asked by `Client.run`, outside of any task
        return next(iter(Worker._instances))


def versions() -> dict[str, str]:
    return {"python": ".".join(map(str, sys.version_info[:2])), **{name: installed(name) for name in ALIKE}}


def installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def facts() -> dict[str, str]:
    """Return what of this process could change a figure: versions, and the digest of the sources that it imports."""
    from execution.cache.closure import code_digest

    return {**versions(), "sources": code_digest()[:8]}


def differing(these: dict[str, str], others: dict[str, str]) -> str:
    return ", ".join(f"{name} {these[name]}" for name in these if these[name] != others[name])


def leave(trouble: str) -> None:
    """Say why, and close this worker; tasks go elsewhere from here on."""
    worker = get_worker()
    worker.log_event(TOPIC, {"worker": worker.address, "trouble": trouble})
    worker.loop.add_callback(worker.close_gracefully)
    while worker.status in (Status.running, Status.paused):
        time.sleep(0.01)


def prepare(sweep: Sweep) -> None:
    """Import what trainings need: now, and not in the first of them."""
    report_there(sweep["api"])
    if sweep["sources"] is not None:
        unpack(sweep["sources"], Path(this_worker().local_directory))
    from execution.runners.worker import one_blas_thread
    from execution.tracking import CLIENT

    importlib.import_module(sweep["module"])
    if sweep["tracking"]:
        # Nor this: where a thread of Dask's formats a traceback meanwhile, Python 3.11 may fail in it.
        importlib.import_module(CLIENT)
    one_blas_thread()


def report_there(api: str) -> None:
    """Have Prefect in this process speak to the sweep's server.

    Each task brings Prefect's settings along, but what sends events and logs lives as long as the process, and
    so does the server that it once found.
    """
    earlier = os.environ.get("PREFECT_API_URL", api)
    os.environ |= {"PREFECT_API_URL": api, "PREFECT_LOGGING_EXTRA_LOGGERS": "sweep"}
    if earlier != api:
        from prefect.events.worker import EventsWorker

        EventsWorker.drain_all(timeout=SECONDS_TO_SEND)  # and every other service


def unpack(sources: bytes, own: Path) -> None:
    """Put the sources where this process imports them from, in place of what it has of another version.

    The processes of a machine share the folder, and with it what Numba compiles; without a cache each has its `own`.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    folder = Path("softmax-sweep", "sources", hashlib.sha256(sources).hexdigest()[:16])
    try:
        folder = write(sources, cache / folder)
    except OSError:
        folder = write(sources, own / folder)
    if str(folder) == sys.path[0]:
        return
    for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
        del sys.modules[name]
    sys.path[:] = [str(folder), *(path for path in sys.path if folder.parent != Path(path).parent)]
    importlib.invalidate_caches()


def write(sources: bytes, folder: Path) -> Path:
    """Write what is not there as it should be; nobody ever finds half a file."""
    with zipfile.ZipFile(io.BytesIO(sources)) as archive:
        for name in archive.namelist():
            path, content = folder / name, archive.read(name)
            if path.is_file() and path.read_bytes() == content:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
            draft.write_bytes(content)
            os.utime(draft, (MODIFIED, MODIFIED))
            draft.replace(path)
    return folder
