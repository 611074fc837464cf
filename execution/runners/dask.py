"""Trainings on a Dask cluster: a running one, or one on this machine for the duration of the sweep."""

import contextlib
import io
import math
import pickle
import threading
import zipfile
from collections.abc import Collection, Iterable
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any
from uuid import uuid4

import cloudpickle
import dask.config
import numpy as np
from distributed import CancelledError, KilledWorker, wait
from distributed.utils import get_mp_context
from prefect.context import serialize_context
from prefect.futures import PrefectFuture, PrefectFutureList
from prefect.settings import PREFECT_API_URL
from prefect.tasks import Task
from prefect.utilities.annotations import opaque, unmapped
from prefect_dask import DaskTaskRunner
from prefect_dask.task_runners import PrefectDaskFuture

from execution import log
from execution.config import RunContext
from execution.runners import on_worker
from execution.runners.on_worker import PACKAGES, TOPIC, Sweep
from execution.runners.processes import Dependencies, forking, known
from execution.runners.scheduler import PATIENCE
from execution.runners.worker import flush
from execution.storage.arrays import arrays_in
from experiment.errors import InputError, SchedulerGone
from experiment.values import ArrayRef

SECONDS_TO_STOP = 3  # for running trainings when the flow is interrupted
SECONDS_BETWEEN_LOOKS = 10.0  # at the scheduler's list of workers
MEMORY = 550_000_000  # bytes that a worker's process holds beside the arrays that it trains on
LOOPBACK = "127.0.0.1"
METHOD = "distributed.worker.multiprocessing-method"
PROJECT = Path(__file__).resolve().parents[2]
# Only `eval` is pickled, by reference; the code travels as text: code pickled by value crashes other Python versions.
CALL = "(exec(sweep['text'], there := {'__name__': 'on_worker'}), there[name](sweep, *given))[1]"


def packed() -> bytes:
    """The project's modules as a zip file; the same bytes for the same sources."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(path for package in PACKAGES for path in (PROJECT / package).rglob("*.py")):
            info = zipfile.ZipInfo(path.relative_to(PROJECT).as_posix())
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


class DaskFuture(PrefectDaskFuture[Any]):
    """A task run on Dask."""

    def wait(self, timeout: float | None = None) -> None:
        """Wait for its end. BrokenExecutor: too many workers died of it, or an unsuitable one trained it."""
        if self._final_state:  # type: ignore[has-type]  # where Prefect looks before it asks its server
            return
        try:
            facts, state = self.wrapped_future.result(timeout=timeout)
        except KilledWorker as error:
            raise BrokenExecutor(str(error)) from error
        except (CancelledError, OSError) as error:  # the task's own exceptions are in the state that it returns
            raise SchedulerGone(
                "the Dask scheduler no longer answers. Finished work is kept: start the scheduler again and run the "
                "same command to continue"
            ) from error
        self.wrapped_future.release()  # or the death of a worker would run its finished tasks again
        if facts != on_worker.facts():
            raise BrokenExecutor(f"trained with {facts}, this program has {on_worker.facts()}")
        self._final_state = pickle.loads(state)  # noqa: S301 - from a worker that was checked


class DaskRunner(DaskTaskRunner):
    """Prefect's runner on Dask, which sends the project's sources to the workers."""

    def __init__(self, execution: RunContext, module: str) -> None:
        self.execution, self.module = execution, module
        if execution.dask_address:
            super().__init__(address=execution.dask_address, client_kwargs={"timeout": PATIENCE})
        else:
            alone = {"n_workers": execution.workers, "threads_per_worker": 1}
            quiet = {"host": LOOPBACK, "dashboard_address": f"{LOOPBACK}:0"}
            begin = {"preload": ["execution.runners.worker"], "memory_limit": None}
            super().__init__(cluster_kwargs=alone | quiet | begin)
            with dask.config.set({METHOD: "forkserver"}):
                get_mp_context()  # the first call sets Dask's own list of modules to preload
            if forking(module, "distributed"):
                dask.config.set({METHOD: "forkserver"})
        self.submitted: list[Any] = []
        self.shared: dict[Task[Any, Any], tuple[Any, Collection[str]]] = {}  # arguments that all runs of a task share
        self.slots = execution.workers  # trainings that can run at once
        self.over = threading.Event()

    def __enter__(self) -> "DaskRunner":
        super().__enter__()
        background = ThreadPoolExecutor(1)
        self.ready = background.submit(copy_context().run, self.prepare)
        background.shutdown(wait=False)
        if self.execution.dask_address:  # its workers may be refused
            try:
                self.ready.result()
            except BaseException:
                self.__exit__(None, None, None)
                raise
        return self

    def prepare(self) -> None:
        """Prepare every worker for training."""
        if self.execution.dask_address:
            self.execution.state.arrive()
        self.about = Sweep(
            text=Path(on_worker.__file__).read_text(),
            facts=on_worker.facts(),
            sources=packed() if self.execution.dask_address else None,
            api=PREFECT_API_URL.value() or "",
            module=self.module,
            tracking=self.execution.wandb_mode != "disabled",
            memory=MEMORY,
            context=cloudpickle.dumps((self.execution, serialize_context())),
        )
        self.check("mismatch")  # on all workers before the next on any, since it has no side effects
        self.check("check")
        self.client.subscribe_topic(
            TOPIC, lambda event: warn(event[1]["worker"], f"{event[1]['problem']}. It is closed")
        )
        self.client.subscribe_topic(
            "worker-restart-memory",
            lambda event: warn(event[1]["worker"], "reached its memory limit and restarts: give it a higher one"),
        )
        threading.Thread(target=self.watch, name="Dask workers", daemon=True).start()

    def check(self, name: str) -> None:
        """Run a check of `on_worker` on all workers; InputError names one, and what it lacks or cannot reach."""
        given = {"sweep": self.about, "name": name, "given": ()}
        # Workers of an adaptive cluster may just have gone: errors are ignored, and each task checks again.
        for worker, problem in self.client.run(eval, CALL, given, on_error="ignore").items():
            if problem:
                raise InputError(f"the worker {worker} {problem}")

    def shared_value(self, kind: type, value: Any) -> Any:
        """A future that many tasks can share: workers copy its value from each other, and Dask restores it if lost."""
        return self.client.submit(kind, value, key=f"shared-{uuid4()}", pure=False)

    def watch(self) -> None:
        """Count the workers that can train; warn of those that Dask has paused, and if none is left."""
        warned: set[str] = set()
        while not self.over.wait(SECONDS_BETWEEN_LOOKS):
            try:
                workers = self.client.sync(self.client.scheduler.identity, n_workers=-1)["workers"]
            except Exception as error:  # the futures report it
                log.debug("Dask's scheduler: %s", error)
                continue
            paused = {address for address, about in workers.items() if about["status"] == "paused"}
            self.slots = sum(about["nthreads"] for about in workers.values() if about["status"] == "running")
            for address in sorted(paused - warned):
                held, limit = workers[address]["metrics"]["memory"] / 1e6, workers[address]["memory_limit"] / 1e6
                warn(
                    address,
                    f"is paused: it holds {held:.0f} MB, too much for its limit of {limit:.0f} MB, and gets no "
                    "trainings until it holds less. Start it again with a higher --memory-limit",
                )
            if not self.slots and "" not in warned:
                log.warning("Dask: no worker is left that can train. The sweep waits for one.")
            warned = paused | ({""} if not self.slots else set())

    def map(
        self, task: Task[Any, Any], parameters: dict[str, Any], wait_for: Iterable[PrefectFuture[Any]] | None = None
    ) -> PrefectFutureList[Any]:
        """Submit a task run for each combination of inputs; what is `unmapped` travels once."""
        plain = {name: value.unwrap() if isinstance(value, opaque) else value for name, value in parameters.items()}
        common = {name: value.value for name, value in plain.items() if isinstance(value, unmapped)}
        self.share(task, common, set(arrays_in(plain | common)))
        futures: PrefectFutureList[Any] = super().map(task, parameters, wait_for)
        return futures

    def share(self, task: Task[Any, Any], parameters: dict[str, Any], arrays: Collection[ArrayRef]) -> None:
        """Send the arguments that all runs of a task share; InputError if a worker has too little memory for them."""
        self.ready.result()
        memory = MEMORY + sum(math.prod(array.shape) * np.dtype(array.dtype).itemsize for array in arrays)
        if self.execution.dask_address:
            self.execution.state.arrive()  # again, for workers that join later
            if memory > self.about["memory"]:
                self.about["memory"] = memory
                self.check("mismatch")
        self.sweep = self.shared_value(dict, self.about)
        shared = {"task": task, "parameters": parameters, "context": serialize_context(), "return_type": "state"}
        self.shared[task] = self.shared_value(bytes, cloudpickle.dumps(shared)), parameters.keys()

    def submit(
        self,
        task: Task[Any, Any],
        parameters: dict[str, Any],
        wait_for: Iterable[PrefectFuture[Any]] | None = None,
        dependencies: Dependencies | None = None,
    ) -> PrefectDaskFuture[Any]:
        """Submit one task run, as prefect_dask does, but with arguments that are pickled here."""
        # They are unpickled only on a worker that was checked. The scheduler would unpickle plain arguments, and would
        # need the sources and all that they import.
        task_run_id = uuid4()
        if task not in self.shared:
            self.share(task, {}, ())
        shared, common = self.shared[task]
        own = {name: value for name, value in parameters.items() if name not in common}
        call = {"task_run_id": task_run_id, "parameters": own, "dependencies": known(dependencies, wait_for)}
        given = {"sweep": self.sweep, "name": "run", "given": (shared, cloudpickle.dumps(call))}
        future = self.client.submit(eval, CALL, given, key=f"{task.name}-{task_run_id}", pure=False)
        self.submitted.append(future)
        return DaskFuture(wrapped_future=future, task_run_id=task_run_id)

    def __exit__(self, *error: Any) -> None:
        """Wait for running trainings to stop, and let the workers send their events."""
        self.over.set()
        with contextlib.suppress(Exception):
            self.ready.result()
            pending = [future for future in self.submitted if not future.done()]
            running = {key for keys in self.client.processing().values() for key in keys}
            self.client.cancel([future for future in pending if future.key not in running])
            wait([future for future in pending if future.key in running], timeout=SECONDS_TO_STOP)
            self.client.run(flush, on_error="ignore")
        super().__exit__(*error)


def warn(worker: str, what: str) -> None:
    log.warning("Dask: the worker %s %s.", worker, what)
