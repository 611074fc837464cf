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

LONGEST = 70  # what a Unix socket's address, of 107 bytes, leaves for the folder

Dependencies = dict[str, set[RunInput]]


class ProcessRunner(ProcessPoolTaskRunner):
    """Prefect's runner on a process pool, set up as trainings need it."""

    def __init__(self, workers: int, module: str) -> None:
        super().__init__(max_workers=workers, initializer=partial(begin_process, module))
        self.module = module

    def __enter__(self) -> "ProcessRunner":
        super().__enter__()
        assert self._executor
        assert self._resolver_executor
        if forking(self.module):
            self._executor._mp_context = multiprocessing.get_context("forkserver")
        for _ in range(self._max_workers):  # they start now, beside the steps before the trainings
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
            # Python before 3.11.5 waits for ever until what was on its way to the dead has been written:
            # https://github.com/python/cpython/issues/94777
            self._executor._call_queue._reader.close()  # type: ignore[attr-defined]
        super().cancel_all()

    def renew(self) -> None:
        """Begin with new processes: the death of one breaks the pool."""
        self.__exit__(None, None, None)
        self.__enter__()


def forking(*modules: str) -> bool:
    """Have processes forked from one that has imported these modules; say whether that works.

    Prefect and Dask start each anew, to import for seconds. Forked from one that does nothing else, they share what
    that one has imported; but not on macOS, where what computes may not outlive a fork, and not where the one would
    listen at too long an address.
    """
    if sys.platform != "linux" or len(tempfile.gettempdir()) >= LONGEST:
        return False
    multiprocessing.set_forkserver_preload([*modules])
    return True


def known(dependencies: Dependencies | None, wait_for: Iterable[Any] | None) -> Dependencies:
    """Return from which task runs a step's inputs came, and what it waits for.

    Another process cannot tell: there a value is no longer the same object. A flow that runs steps one after the other
    waits for values, which are there; they go under the input that every step has.
    """
    given = dependencies or {}
    return given | {"execution": given.get("execution", set()) | collect_task_run_inputs_sync(wait_for)}
