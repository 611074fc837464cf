"""Several runs of a step in one Prefect task run, each with its own cache entry, W&B run and checkpoint.

Useful for steps that take less time than Prefect's own work for a task run.
"""

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.results import get_result_store
from prefect.states import Cancelled, Failed
from prefect.transactions import IsolationLevel, Transaction, transaction
from prefect.utilities.engine import link_state_to_task_run_result

from execution.cache.key import key
from execution.config import RunContext
from execution.steps.step import RESULTS
from execution.storage import layout
from experiment.values import Result

log = logging.getLogger("sweep")

Outcome = Result | str | None  # the step's result, why it failed, or None if it was left unfinished


def batched(step: Task[..., Any], *over: str) -> Task[..., list[Outcome]]:
    """A task that takes sequences of the inputs `over` and runs `step` for each of their values.

    Its state is the worst of the runs' states; in any state it holds the outcome of each run.
    """
    takes = inspect.signature(step.fn)
    called: Callable[[Mapping[str, Any]], str] = step.task_run_name  # type: ignore[assignment]  # as `@step` makes it

    def jobs(given: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {**given, **dict(zip(over, job, strict=True))} for job in zip(*(given[name] for name in over), strict=True)
        ]

    def named(parameters: dict[str, Any]) -> str:
        every = jobs(parameters)
        return f"{called(every[0])} … {called(every[-1])} ({len(every)})"

    @task(
        name=step.name,
        task_run_name=named,  # type: ignore[arg-type]  # a function has what Prefect asks for, but for a type
        cache_policy=NO_CACHE,
        persist_result=False,
        **RESULTS,
    )
    @wraps(step.fn)
    def run_batch(execution: RunContext, *args: Any, **kwargs: Any) -> Any:
        given = takes.bind(execution, *args, **kwargs).arguments
        del given["execution"]
        runs = [(job, *run_one(step, execution, job)) for job in jobs(given)]
        lines = (f"{called(job)}: {how}" for job, _, how in runs)
        log.info("%s", "\n".join(lines), extra={"console": False})  # one message: the server is slow
        results = [outcome for _, outcome, _ in runs]
        if failed := sum(isinstance(outcome, str) for outcome in results):
            return Failed(message=f"{failed} of {len(results)} failed", data=results)
        if left := results.count(None):
            return Cancelled(message=f"{left} of {len(results)} are unfinished", data=results)
        return results

    return run_batch


def run_one(step: Task[..., Any], execution: RunContext, inputs: dict[str, Any]) -> tuple[Outcome, str]:
    """Run a step as Prefect's engine does, within the current task run; return its outcome, and how it was reached."""
    entry = key(step.fn.__module__, inputs)
    try:
        with (
            apart(),
            transaction(entry, get_result_store(), isolation_level=IsolationLevel.SERIALIZABLE) as kept,
        ):
            record = kept.read() if kept.is_committed() else None
            outcome = record.result if record else step.fn(execution, **inputs)
            kept.stage(outcome)
    except Exception as error:
        log.exception("The step failed:", extra={"console": False})
        return f"Task run encountered an exception {type(error).__name__}: {error}", "failed"
    if isinstance(outcome, State):
        return None, "unfinished"
    return outcome, f"{'cached' if record else 'done'}, W&B run {entry[: layout.IDENTITY]}"


def outcomes(state: State[Any], count: int) -> list[Outcome]:
    """The outcome of each of the `count` runs whose task run ended in this state."""
    data: Any = state.result(raise_on_failure=False)
    link_state_to_task_run_result(state, data)  # arrows in the UI: Prefect cannot trace objects of other processes
    if isinstance(data, list):
        return data
    if state.is_completed():
        return [data]
    return [None if state.is_cancelled() else str(state.message)] * count


@contextmanager
def apart() -> Iterator[None]:
    """Keep transactions inside the block independent of the task run's own, which would roll them back."""
    token = Transaction.__var__.set(None)  # type: ignore[arg-type]  # Prefect begins every transaction below another
    try:
        yield
    finally:
        Transaction.__var__.reset(token)
