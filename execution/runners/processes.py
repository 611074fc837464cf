"""Trainings on processes of this machine."""

import multiprocessing
import sys
import tempfile
from collections.abc import Iterable
from functools import partial
from typing import Any

from prefect.client.schemas.objects import RunInput
from prefect.futures import PrefectConcurrentFuture, PrefectFuture
from prefect.task_runners import ProcessPoolTaskRunner
from prefect.tasks import Task
from prefect.utilities.engine import collect_task_run_inputs_sync

from execution.runners.worker import begin_process

LONGEST = 70  # characters of the folder: a Unix socket's address has at most 107 bytes

Dependencies = dict[str, set[RunInput]]


class ProcessRunner(ProcessPoolTaskRunner):
    """Prefect's runner on a process pool whose processes are prepared for trainings."""

    def __init__(self, workers: int, module: str) -> None:
        super().__init__(max_workers=workers, initializer=partial(begin_process, module))
        self.workers, self.module = workers, module

    def __enter__(self) -> "ProcessRunner":
        super().__enter__()
        assert self._executor
        assert self._resolver_executor
        if forking(self.module):
            self._executor._mp_context = multiprocessing.get_context("forkserver")  # Prefect has no setting for it
        for _ in range(self.workers):  # start the processes now, during the steps before the trainings
            self._resolver_executor.submit(self._executor.submit, int)
        return self

    def submit(
        self,
        task: Task[Any, Any],
        parameters: dict[str, Any],
        wait_for: Iterable[PrefectFuture[Any]] | None = None,
        dependencies: Dependencies | None = None,
    ) -> PrefectConcurrentFuture[Any]:
        return super().submit(task, parameters, dependencies=known(dependencies, wait_for))

    def cancel_all(self) -> None:
        if self._executor and self._executor._broken:
            # Python before 3.11.5 waits forever to write to the dead processes:
            # https://github.com/python/cpython/issues/94777
            self._executor._call_queue._reader.close()  # type: ignore[attr-defined]
        super().cancel_all()

    def renew(self) -> None:
        """Start a new pool, since the death of one process breaks it."""
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
    """The task runs that a step's inputs came from, and those it waits for.

    They are collected here because in another process a value is no longer the same object. Those it waits for are
    listed under `execution`, the input that every step has.
    """
    given = dependencies or {}
    return given | {"execution": given.get("execution", set()) | collect_task_run_inputs_sync(wait_for)}
