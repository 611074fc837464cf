"""The code that a Dask worker runs for every task of a sweep.

It is sent as text, since the worker may have another Python version and no copy of the project. Nothing of the sweep is
unpickled before `unfit` has checked Python, packages, sources and what the worker can reach. An unsuitable worker
reports why (a Dask event on `TOPIC`) and closes itself, and its task goes to another one. Two sweeps with different
sources take turns on a worker.
"""

import hashlib
import importlib
import io
import math
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
ALIKE = (*DECIDING, "prefect", "pydantic")  # both sides exchange Python objects of the last two
TOPIC = "softmax-sweep"
SECONDS_TO_SEND = 5
MODIFIED = 946684800  # of every file: compiled code is valid while its source has the same time and size


class Sweep(TypedDict):
    """Data that all tasks of a sweep share, in types that every Python version reads alike."""

    text: str  # of this module
    facts: dict[str, str]  # see `facts`
    sources: bytes | None  # a zip; None if the worker is on the driver's machine and imports the same files
    api: str  # address of Prefect's server
    module: str  # to import before the first task
    tracking: bool  # trainings have W&B runs
    memory: int  # bytes that a worker's process will hold
    context: bytes  # pickled: the `RunContext`, and Prefect's context


def run(sweep: Sweep, shared: bytes, call: bytes) -> tuple[dict[str, str], bytes]:
    """Run one task, by pickled arguments that all tasks share and others; return `facts`, and its pickled state."""
    with turn(sweep) as problem:
        if not problem:
            import cloudpickle
            from prefect.task_engine import run_task_sync

            common, own = pickle.loads(shared), pickle.loads(call)  # noqa: S301 - from the driver
            parameters = {**common["parameters"], **own["parameters"]}
            state = run_task_sync(**{**common, **own, "parameters": parameters})
            return facts(), cloudpickle.dumps(state)
    leave(problem)
    raise Reschedule


@contextmanager
def turn(sweep: Sweep) -> Iterator[str]:
    """Wait until no sweep with other sources runs here; yield why this worker is unsuitable, "" if it is not."""
    here = process_state()
    wanted = identity(sweep)
    with here.free:
        here.free.wait_for(lambda: here.sweep == wanted or not here.running)
        problem = unfit(sweep)
        here.running += 1
    try:
        yield problem
    finally:
        with here.free:
            here.running -= 1
            here.free.notify_all()


def check(sweep: Sweep) -> str:
    """Why this worker is unsuitable, "" if it is not. Another sweep that runs here is not disturbed."""
    here = process_state()
    with here.free:
        return mismatch(sweep) if here.running and here.sweep != identity(sweep) else unfit(sweep)


def process_state() -> Any:
    """The state of this process, shared by all versions of this module's text."""
    new: Any = ModuleType("softmax_sweep_state")
    new.free, new.running, new.sweep, new.reached = threading.Condition(), 0, None, set()
    return sys.modules.setdefault(new.__name__, new)


def identity(sweep: Sweep) -> tuple[str, str]:
    return hashlib.sha256(sweep["sources"] or b"").hexdigest(), sweep["api"]


def unfit(sweep: Sweep) -> str:
    """Import the sweep's sources; return why this worker cannot train, "" if it can."""
    if problem := mismatch(sweep):
        return problem
    here = process_state()
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

            if problem := unreached(execution, context):
                return problem
            here.reached.add(execution.flow_run)
    except Exception as error:
        return f"cannot be set up ({type(error).__name__}: {error})"
    return ""


def mismatch(sweep: Sweep) -> str:
    """How versions or memory limit of this worker do not fit, "" if they do. Imports nothing of the sweep."""
    here = versions()
    there = {name: sweep["facts"][name] for name in here}
    if here != there:
        return f"has {differing(here, there)}, this program {differing(there, here)}"
    manager = this_worker().memory_manager
    share = manager.memory_pause_fraction or 1  # of the limit; a process that holds more gets no tasks
    if (limit := manager.memory_limit) and limit * share < sweep["memory"]:
        needed = f"{math.ceil(sweep['memory'] / share / 1e6)}"
        return (
            f"has a memory limit of {limit / 1e6:.0f} MB and needs {needed} MB: start it with --memory-limit {needed}MB"
        )
    return ""


def this_worker() -> Worker:
    try:
        return get_worker()
    except ValueError:  # `Client.run`, outside of any task, names its worker only to functions that it pickles by value
        return next(iter(Worker._instances))  # there is no public list


def versions() -> dict[str, str]:
    return {"python": ".".join(map(str, sys.version_info[:2])), **{name: installed(name) for name in ALIKE}}


def installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def facts() -> dict[str, str]:
    """Everything in this process that could change a figure: versions, and the digest of the sources it imports."""
    from execution.cache.closure import code_digest

    return {**versions(), "sources": code_digest()[:8]}


def differing(these: dict[str, str], others: dict[str, str]) -> str:
    return ", ".join(f"{name} {these[name]}" for name in these if these[name] != others[name])


def leave(problem: str) -> None:
    """Report the problem and close this worker; Dask then gives its tasks to others."""
    worker = get_worker()
    worker.log_event(TOPIC, {"worker": worker.address, "problem": problem})
    worker.loop.add_callback(worker.close_gracefully)
    while worker.status in (Status.running, Status.paused):
        time.sleep(0.01)


def prepare(sweep: Sweep) -> None:
    """Use the sweep's Prefect server, and import the modules that trainings need, before the first one starts."""
    # Each task brings Prefect's settings along, but the services that send events and logs live as long as the process
    # and keep their first server.
    earlier = os.environ.get("PREFECT_API_URL", sweep["api"])
    os.environ |= {"PREFECT_API_URL": sweep["api"], "PREFECT_LOGGING_EXTRA_LOGGERS": "sweep"}
    if earlier != sweep["api"]:
        from prefect.events.worker import EventsWorker

        EventsWorker.drain_all(timeout=SECONDS_TO_SEND)  # also drains every other service
    if sweep["sources"] is not None:
        unpack(sweep["sources"], Path(this_worker().local_directory))
    from execution.runners.worker import one_blas_thread
    from execution.tracking import CLIENT

    importlib.import_module(sweep["module"])
    if sweep["tracking"]:
        # Python 3.11 may fail if a Dask thread formats a traceback during this import.
        importlib.import_module(CLIENT)
    one_blas_thread()


def unpack(sources: bytes, own: Path) -> None:
    """Write the sources to a folder and make this process import them from there, in place of another version."""
    # All processes of a machine share the folder, and so Numba's compiled code. If the user's cache cannot be written
    # to, or the user has no home (RuntimeError), each process uses its `own` folder.
    folder = Path("softmax-sweep", "sources", hashlib.sha256(sources).hexdigest()[:16])
    try:
        folder = write(sources, Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / folder)
    except (OSError, RuntimeError):
        folder = write(sources, own / folder)
    if str(folder) == sys.path[0]:
        return
    for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
        del sys.modules[name]
    sys.path[:] = [str(folder), *(path for path in sys.path if folder.parent != Path(path).parent)]
    importlib.invalidate_caches()


def write(sources: bytes, folder: Path) -> Path:
    """Write missing or different files, each atomically."""
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
