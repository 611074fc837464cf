"""Trainings on a Dask cluster: one that runs, or one of this machine for the time of the sweep."""

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

SECONDS_TO_STOP = 3  # for what is being trained when the flow is left in a hurry
SECONDS_BETWEEN_LOOKS = 10.0  # at what the scheduler knows of its workers
MEMORY = 600_000_000  # bytes that a worker needs
LOOPBACK = "127.0.0.1"
METHOD = "distributed.worker.multiprocessing-method"
PROJECT = Path(__file__).resolve().parents[2]
# By reference, and the rest as text: what is pickled by value crashes another Python.
CALL = "(exec(sweep['text'], there := {'__name__': 'on_worker'}), there[name](sweep, *given))[1]"


def packed() -> bytes:
    """Return the project's modules as a zip, the same bytes for the same sources."""
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
        BrokenExecutor : so many workers died of it that Dask gives it to no other, or one trained it that does not fit
        SchedulerGone
        """
        if self._final_state:  # type: ignore[has-type]
            return
        try:
            facts, state = self._wrapped_future.result(timeout=timeout)
        except KilledWorker as error:
            raise BrokenExecutor(str(error)) from error
        except (CancelledError, OSError) as error:  # what the task raises is in the state that it returns
            raise SchedulerGone(
                "the Dask scheduler no longer answers. What is done is kept: start it again and run this again, and it "
                "goes on from there"
            ) from error
        self._wrapped_future.release()  # else the death of a worker has all that it was done with run again
        if facts != on_worker.facts():
            raise BrokenExecutor(f"trained with {facts}, this program has {on_worker.facts()}")
        self._final_state = pickle.loads(state)  # noqa: S301 - from a worker that fits


class DaskRunner(DaskTaskRunner):
    """Prefect's runner on Dask; the project's sources go to the workers with it.

    A worker that dies loses what it was training to another one, which goes on from the checkpoints.
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
                get_mp_context()  # which has its own idea of what to import, the first time
            if forking(module, "distributed"):
                dask.config.set({METHOD: "forkserver"})
        self.submitted: list[Any] = []
        self.shared: dict[Task[Any, Any], Any] = {}  # what all runs of a task are given
        self.over = threading.Event()

    def __enter__(self) -> "DaskRunner":
        super().__enter__()
        beside = ThreadPoolExecutor(1)
        self.ready = beside.submit(copy_context().run, self.prepare)
        beside.shutdown(wait=False)
        if self.execution.dask_address:  # whose workers may be refused; a cluster of this machine starts meanwhile
            try:
                self.ready.result()
            except BaseException:
                self.__exit__(None, None, None)
                raise
        return self

    def prepare(self) -> None:
        """Have every worker ready to train.

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
        for check in ("unequal", "look"):  # the first on all workers before the second on any: it leaves nothing there
            given = {"sweep": sweep, "name": check, "given": ()}
            # Without a worker that has just gone, as those of an adaptive cluster do: each task asks once more.
            for worker, trouble in self.client.run(eval, CALL, given, on_error="ignore").items():
                if trouble:
                    raise InputError(f"the worker {worker} {trouble}")
        self.sweep = self.handed_on(dict, sweep)
        self.client.subscribe_topic(
            TOPIC, lambda event: tell(event[1]["worker"], f"{event[1]['trouble']}. It is closed")
        )
        self.client.subscribe_topic(
            "worker-restart-memory",
            lambda event: tell(event[1]["worker"], f"ran out of memory and restarts: it needs {MEMORY / 1e6:.0f} MB"),
        )
        threading.Thread(target=self.watch, name="Dask workers", daemon=True).start()

    def handed_on(self, kind: type, value: Any) -> Any:
        """Return what many tasks can be given: workers hand it to each other, and it is there again if they die."""
        return self.client.submit(kind, value, key=f"shared-{uuid4()}", pure=False)

    def watch(self) -> None:
        """Say which workers Dask gives nothing to any more, and that there are none."""
        said: set[str] = set()
        while not self.over.wait(SECONDS_BETWEEN_LOOKS):
            try:
                workers = self.client.sync(self.client.scheduler.identity, n_workers=-1)["workers"]
            except Exception as error:  # whoever waits for a training says so
                log.debug("Dask's scheduler: %s", error)
                continue
            paused = {address for address, about in workers.items() if about["status"] == "paused"}
            for address in sorted(paused - said):
                tell(address, "is paused: it is short of memory, and gets no trainings until it has more")
            if not workers and "" not in said:
                log.warning("Dask: no worker is left. The sweep waits for one.")
            said = paused | ({""} if not workers else set())

    def submit(
        self,
        task: Task[Any, Any],
        parameters: dict[str, Any],
        wait_for: Iterable[PrefectFuture[Any]] | None = None,
        dependencies: Dependencies | None = None,
    ) -> PrefectDaskFuture[Any]:
        """Submit one task run.

        As prefect_dask does, but pickled here to be unpickled on a worker that fits: the scheduler would unpickle what
        it is given as such, and would need the sources, and all that they import, for nothing.
        """
        self.ready.result()
        task_run_id = uuid4()
        if task not in self.shared:
            if self.execution.dask_address:
                self.execution.state.arrive()  # again, for workers that come later
            shared = {"task": task, "context": serialize_context(), "return_type": "state"}
            self.shared[task] = self.handed_on(bytes, cloudpickle.dumps(shared))
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
            self.wind_up()
        super().__exit__(*error)

    def wind_up(self) -> None:
        """Let what is being trained come to its stop, and have what workers have to say said."""
        left = [future for future in self.submitted if not future.done()]
        at_work = {key for keys in self.client.processing().values() for key in keys}
        self.client.cancel([future for future in left if future.key not in at_work])
        wait([future for future in left if future.key in at_work], timeout=SECONDS_TO_STOP)
        self.client.run(flush, on_error="ignore")


def tell(worker: str, what: str) -> None:
    log.warning("Dask: the worker %s %s.", worker, what)
