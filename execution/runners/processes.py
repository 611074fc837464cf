"""Trainings on processes of this machine."""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any
from uuid import uuid4

import cloudpickle
from prefect.client.schemas.objects import RunInput
from prefect.context import serialize_context
from prefect.futures import PrefectConcurrentFuture, PrefectFuture
from prefect.task_runners import TaskRunner
from prefect.tasks import Task
from prefect.utilities.engine import collect_task_run_inputs_sync

from execution.orchestration.startup import beside
from execution.runners.worker import begin_process, run_task

LONGEST = 70  # characters of the folder: a Unix socket's address has at most 107 bytes

Dependencies = dict[str, set[RunInput]]


class ProcessRunner(TaskRunner[PrefectConcurrentFuture[Any]]):
    """Task runs on a pool of prepared processes. In Prefect's own runner each process would import for seconds."""

    def __init__(self, workers: int, module: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.workers, self.module = workers, module

    def duplicate(self) -> "ProcessRunner":
        return ProcessRunner(self.workers, self.module)

    def __enter__(self) -> "ProcessRunner":
        super().__enter__()
        context = multiprocessing.get_context("forkserver" if forking(self.module) else "spawn")
        self.pool = ProcessPoolExecutor(self.workers, context, initializer=begin_process, initargs=(self.module,))
        self.shared: dict[Task[Any, Any], bytes] = {}  # arguments that all runs of a task share
        for _ in range(self.workers):  # start the processes now, during the steps before the trainings
            beside(self.pool.submit, int)
        return self

    def __exit__(self, *error: Any) -> None:
        self.pool.shutdown(cancel_futures=True)
        super().__exit__(*error)

    def submit(
        self,
        task: Task[Any, Any],
        parameters: dict[str, Any],
        wait_for: Iterable[PrefectFuture[Any]] | None = None,
        dependencies: Dependencies | None = None,
    ) -> PrefectConcurrentFuture[Any]:
        if task not in self.shared:
            shared = {"task": task, "context": serialize_context(), "return_type": "state"}
            self.shared[task] = cloudpickle.dumps((dict(os.environ), shared))
        task_run_id = uuid4()
        call = {"task_run_id": task_run_id, "parameters": parameters, "dependencies": known(dependencies, wait_for)}
        future = self.pool.submit(run_task, self.shared[task], cloudpickle.dumps(call))
        return PrefectConcurrentFuture(task_run_id, future)

    def renew(self) -> None:
        """Start a new pool, since the death of one process breaks it."""
        # Python before 3.11.5 waits forever to write to the dead processes:
        # https://github.com/python/cpython/issues/94777
        self.pool._call_queue._reader.close()  # type: ignore[attr-defined]
        self.__exit__(None, None, None)
        self.__enter__()


def forking(*modules: str) -> bool:
    """Let processes be forked from a server process that has imported these modules; False where that does not work.

    Prefect and Dask would start each process anew, which then imports for seconds. It does not work on macOS, where
    numeric libraries may not survive a fork, or if the address of the server's socket would be too long.
    """
    if sys.platform != "linux" or len(tempfile.gettempdir()) >= LONGEST:
        return False
    multiprocessing.set_forkserver_preload([*modules])
    return True


def known(dependencies: Dependencies | None, wait_for: Iterable[Any] | None) -> Dependencies:
    """The task runs that a step's inputs came from, and, under `execution`, those it waits for.

    They are collected here because in another process a value is no longer the same object.
    """
    given = dependencies or {}
    return given | {"execution": given.get("execution", set()) | collect_task_run_inputs_sync(wait_for)}
