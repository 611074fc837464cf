"""The project's sources on a worker of a Dask cluster, and what it sets up there.

This module is pickled by value, for where it arrives there is no project yet. Nothing that a process of the driver's
happens to have is relied on: not its folder, not its environment, not what the worker imported for another sweep.
"""

import asyncio
import hashlib
import importlib
import io
import os
import sys
import uuid
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cloudpickle
from distributed.core import Status
from distributed.diagnostics.plugin import WorkerPlugin

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("flows", "tasks", "execution", "report", "experiment", "softmax")
DECIDING = ("numpy", "numba", "llvmlite")  # another version of these may change a bit
ALIKE = (*DECIDING, "prefect", "pydantic")  # of these both sides speak to each other in Python objects
SECONDS_TO_SEND = 5
MODIFIED = 946684800  # every file: compiled code counts as long as its source has the same time and size


def packed() -> bytes:
    """Return the project's modules as a zip, the same bytes for the same sources."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(path for package in PACKAGES for path in (PROJECT / package).rglob("*.py")):
            info = zipfile.ZipInfo(path.relative_to(PROJECT).as_posix())
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def versions() -> dict[str, str]:
    return {"python": ".".join(map(str, sys.version_info[:2])), **{name: version(name) for name in ALIKE}}


class SourcePlugin(WorkerPlugin):
    """Makes a worker one that can train; what it cannot be made to is its `trouble`.

    Parameters
    ----------
    sources : `packed`; None where the worker imports the driver's own, on its machine
    code : the digest that the sources must have for the worker, too
    api : address of Prefect's server
    tracking : trainings will have runs of W&B
    """

    name = "softmax-sweep"  # the next sweep's takes its place

    def __init__(self, sources: bytes | None, code: str, api: str, *, tracking: bool) -> None:
        self.sources, self.code, self.api, self.versions = sources, code, api, versions()
        self.tracking = tracking
        self.trouble = ""

    async def setup(self, worker: Any) -> None:
        if self.sources is None:
            from execution.runners.worker import begin_process

            begin_process()
        try:
            await asyncio.to_thread(self.prepare, worker)
        except Exception as error:
            self.trouble = str(error)
            if worker.status != Status.running:  # it has come later: nobody asks it any more
                worker.loop.add_callback(worker.close)

    def prepare(self, worker: Any) -> None:
        if (here := versions()) != self.versions:
            raise RuntimeError(f"has {differing(here, self.versions)}, this program {differing(self.versions, here)}")
        busy = worker.state.executing_count > 0
        self.report_there(busy)
        if self.sources is not None:
            unpack(self.sources, Path(worker.local_directory), busy)
        from execution.cache.closure import PROJECT, code_digest
        from execution.runners.worker import one_blas_thread
        from execution.tracking import CLIENT

        if (digest := code_digest()) != self.code:
            raise RuntimeError(f"has sources {digest[:8]} in {PROJECT}, this program {self.code[:8]}")
        importlib.import_module("flows.sweep")  # now, and not in the first training
        if self.tracking:
            # Nor this: where a thread of Dask's formats a traceback meanwhile, Python 3.11 may fail in it.
            importlib.import_module(CLIENT)
        one_blas_thread()

    def report_there(self, busy: bool) -> None:
        """Have Prefect in this process speak to the sweep's server.

        Each task brings Prefect's settings along, but what sends events and logs lives as long as the process, and
        so does the server that it once found.
        """
        earlier = os.environ.get("PREFECT_API_URL", self.api)
        if busy and earlier != self.api:
            raise RuntimeError(f"is at work on a sweep with another Prefect server, {earlier}: let it end first")
        os.environ |= {"PREFECT_API_URL": self.api, "PREFECT_LOGGING_EXTRA_LOGGERS": "sweep"}
        if earlier != self.api:
            from prefect.events.worker import EventsWorker

            EventsWorker.drain_all(timeout=SECONDS_TO_SEND)  # and every other service


def differing(these: dict[str, str], others: dict[str, str]) -> str:
    return ", ".join(f"{name} {these[name]}" for name in these if these[name] != others[name])


def unpack(sources: bytes, own: Path, busy: bool) -> None:
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
    others = [name for name in sys.modules if name.split(".")[0] in PACKAGES]
    if others and busy:
        raise RuntimeError("is at work on a sweep of other sources: let it end first")
    for name in others:
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


cloudpickle.register_pickle_by_value(sys.modules[__name__])
