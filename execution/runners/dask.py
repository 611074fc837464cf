"""Trainings on a Dask cluster: one that runs, or one of this machine for the time of the sweep."""

import contextlib
import logging
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextvars import copy_context
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

from execution.cache.closure import code_digest
from execution.config import RunContext
from execution.runners.plugin import SourcePlugin, packed
from execution.runners.processes import Dependencies, forking, known
from execution.runners.scheduler import PATIENCE
from execution.runners.worker import flush, unreached
from experiment.errors import InputError, SchedulerGone

log = logging.getLogger("sweep")

SECONDS_TO_STOP = 3  # for what is being trained when the flow is left in a hurry
LOOPBACK = "127.0.0.1"
METHOD = "distributed.worker.multiprocessing-method"


class DaskFuture(PrefectDaskFuture[Any]):
    """A task run on Dask."""

    def wait(self, timeout: float | None = None) -> None:
        """Wait for its end.

        Raises
        ------
        BrokenExecutor : so many workers died of it that Dask gives it to no other
        SchedulerGone
        """
        try:
            self._final_state = self._wrapped_future.result(timeout=timeout)
        except KilledWorker as error:
            raise BrokenExecutor(str(error)) from error
        except (CancelledError, OSError) as error:  # what the task raises is in the state that it returns
            raise SchedulerGone(
                "the Dask scheduler no longer answers. What is done is kept: start it again and run this again, and it "
                "goes on from there"
            ) from error


class DaskRunner(DaskTaskRunner):
    """Prefect's runner on Dask; the project's sources go to the workers with it.

    A worker that dies loses what it was training to another one, which goes on from the checkpoints.
    """

    def __init__(self, execution: RunContext) -> None:
        self.execution = execution
        if execution.dask_address:
            super().__init__(address=execution.dask_address, client_kwargs={"timeout": PATIENCE})
        else:
            alone = {"n_workers": execution.workers, "threads_per_worker": 1}
            quiet = {"host": LOOPBACK, "dashboard_address": f"{LOOPBACK}:0"}
            super().__init__(cluster_kwargs=alone | quiet)
            with dask.config.set({METHOD: "forkserver"}):
                get_mp_context()  # which has its own idea of what to import, the first time
            if forking("distributed"):
                dask.config.set({METHOD: "forkserver"})
        self.submitted: list[Any] = []

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
        sources = packed() if self.execution.dask_address else None
        tracking = self.execution.wandb_mode != "disabled"
        self.client.register_plugin(
            SourcePlugin(sources, code_digest(), PREFECT_API_URL.value() or "", tracking=tracking)
        )
        self.execution.state.arrive()
        self.refuse(self.client.run(lambda dask_worker: dask_worker.plugins[SourcePlugin.name].trouble))
        self.refuse(self.client.run(unreached, self.execution, serialize_context()))

    def refuse(self, troubles: dict[str, str]) -> None:
        """Raise InputError if one of the workers has trouble."""
        for worker, trouble in troubles.items():
            if trouble:
                raise InputError(f"the worker {worker} {trouble}")

    def submit(
        self,
        task: Task[Any, Any],
        parameters: dict[str, Any],
        wait_for: Iterable[PrefectFuture[Any]] | None = None,
        dependencies: Dependencies | None = None,
    ) -> PrefectDaskFuture[Any]:
        """Submit one task run.

        As prefect_dask does, but pickled here to be unpickled on a worker: the scheduler would unpickle what it is
        given as such, and would need the sources, and all that they import, for nothing.
        """
        self.ready.result()
        task_run_id = uuid4()
        call = cloudpickle.dumps(
            {
                "task": task,
                "task_run_id": task_run_id,
                "parameters": parameters,
                "dependencies": known(dependencies, wait_for),
                "context": serialize_context(),
            }
        )

        def run() -> Any:  # itself pickled by value, as all that is local, and all that it names
            import pickle

            from prefect.task_engine import run_task_sync

            return run_task_sync(return_type="state", **pickle.loads(call))  # noqa: S301 - from the driver

        future = self.client.submit(run, key=f"{task.name}-{task_run_id}", pure=False)
        self.submitted.append(future)
        return DaskFuture(wrapped_future=future, task_run_id=task_run_id)

    def __exit__(self, *error: Any) -> None:
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
        self.client.run(flush)
