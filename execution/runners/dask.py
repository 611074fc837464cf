"""Trainings on a Dask cluster: a running one, or one on this machine for the duration of the sweep."""

import contextlib
import io
import logging
import pickle
import threading
import zipfile
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any
from uuid import uuid4

import cloudpickle
import dask.config
from distributed import CancelledError, KilledWorker, wait
from distributed.utils import get_mp_context
from prefect.context import serialize_context
from prefect.futures import PrefectFuture
from prefect.settings import PREFECT_API_URL
from prefect.tasks import Task
from prefect_dask import DaskTaskRunner
from prefect_dask.task_runners import PrefectDaskFuture

from execution.config import RunContext
from execution.runners import on_worker
from execution.runners.on_worker import PACKAGES, TOPIC, Sweep
from execution.runners.processes import Dependencies, forking, known
from execution.runners.scheduler import PATIENCE
from execution.runners.worker import flush
from experiment.errors import InputError, SchedulerGone

log = logging.getLogger("sweep")

SECONDS_TO_STOP = 3  # for running trainings when the flow is interrupted
SECONDS_BETWEEN_LOOKS = 10.0  # at the scheduler's list of workers
MEMORY = 600_000_000  # bytes that a worker needs
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
        """Wait for its end.

        Raises
        ------
        BrokenExecutor : Dask gave up after too many workers died of it, or an unsuitable worker trained it
        SchedulerGone
        """
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
    """Prefect's runner on Dask, which sends the project's sources to the workers.

    The trainings of a worker that dies continue on another one from their checkpoints.
    """

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
        self.shared: dict[Task[Any, Any], Any] = {}  # arguments that all runs of a task share
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
        """Prepare every worker for training.

        Raises
        ------
        InputError : names the worker, and what it lacks or cannot reach
        """
        if self.execution.dask_address:
            self.execution.state.arrive()
        sweep = Sweep(
            text=Path(on_worker.__file__).read_text(),
            facts=on_worker.facts(),
            sources=packed() if self.execution.dask_address else None,
            api=PREFECT_API_URL.value() or "",
            module=self.module,
            tracking=self.execution.wandb_mode != "disabled",
            memory=MEMORY,
            context=cloudpickle.dumps((self.execution, serialize_context())),
        )
        for check in ("mismatch", "check"):  # the first, on all workers before the second on any, has no side effects
            given = {"sweep": sweep, "name": check, "given": ()}
            # Workers of an adaptive cluster may just have gone: errors are ignored, and each task checks again.
            for worker, problem in self.client.run(eval, CALL, given, on_error="ignore").items():
                if problem:
                    raise InputError(f"the worker {worker} {problem}")
        self.sweep = self.shared_value(dict, sweep)
        self.client.subscribe_topic(
            TOPIC, lambda event: warn(event[1]["worker"], f"{event[1]['problem']}. It is closed")
        )
        self.client.subscribe_topic(
            "worker-restart-memory",
            lambda event: warn(event[1]["worker"], f"ran out of memory and restarts: it needs {MEMORY / 1e6:.0f} MB"),
        )
        threading.Thread(target=self.watch, name="Dask workers", daemon=True).start()

    def shared_value(self, kind: type, value: Any) -> Any:
        """A future that many tasks can share: workers copy its value from each other, and Dask restores it if lost."""
        return self.client.submit(kind, value, key=f"shared-{uuid4()}", pure=False)

    def watch(self) -> None:
        """Warn of workers that Dask has paused, and if none is left."""
        warned: set[str] = set()
        while not self.over.wait(SECONDS_BETWEEN_LOOKS):
            try:
                workers = self.client.sync(self.client.scheduler.identity, n_workers=-1)["workers"]
            except Exception as error:  # the futures report it
                log.debug("Dask's scheduler: %s", error)
                continue
            paused = {address for address, about in workers.items() if about["status"] == "paused"}
            for address in sorted(paused - warned):
                warn(address, "is paused: it is short of memory, and gets no trainings until it has more")
            if not workers and "" not in warned:
                log.warning("Dask: no worker is left. The sweep waits for one.")
            warned = paused | ({""} if not workers else set())

    def submit(
        self,
        task: Task[Any, Any],
        parameters: dict[str, Any],
        wait_for: Iterable[PrefectFuture[Any]] | None = None,
        dependencies: Dependencies | None = None,
    ) -> PrefectDaskFuture[Any]:
        """Submit one task run, as prefect_dask does, but with arguments that are pickled here.

        They are unpickled only on a worker that was checked. The scheduler would unpickle plain arguments, and would
        need the sources and all that they import.
        """
        self.ready.result()
        task_run_id = uuid4()
        if task not in self.shared:
            if self.execution.dask_address:
                self.execution.state.arrive()  # again, for workers that join later
            shared = {"task": task, "context": serialize_context(), "return_type": "state"}
            self.shared[task] = self.shared_value(bytes, cloudpickle.dumps(shared))
        call = cloudpickle.dumps(
            {
                "task_run_id": task_run_id,
                "parameters": parameters,
                "dependencies": known(dependencies, wait_for),
            }
        )
        given = {"sweep": self.sweep, "name": "run", "given": (self.shared[task], call)}
        future = self.client.submit(eval, CALL, given, key=f"{task.name}-{task_run_id}", pure=False)
        self.submitted.append(future)
        return DaskFuture(wrapped_future=future, task_run_id=task_run_id)

    def __exit__(self, *error: Any) -> None:
        self.over.set()
        with contextlib.suppress(Exception):
            self.ready.result()
            self.finish()
        super().__exit__(*error)

    def finish(self) -> None:
        """Wait for running trainings to stop, and let the workers send their events."""
        pending = [future for future in self.submitted if not future.done()]
        running = {key for keys in self.client.processing().values() for key in keys}
        self.client.cancel([future for future in pending if future.key not in running])
        wait([future for future in pending if future.key in running], timeout=SECONDS_TO_STOP)
        self.client.run(flush, on_error="ignore")


def warn(worker: str, what: str) -> None:
    log.warning("Dask: the worker %s %s.", worker, what)
