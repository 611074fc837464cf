"""`@step`, which turns a plain function into a step of the DAG."""

import inspect
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from prefect import Task, task
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.states import Cancelled
from prefect.transactions import IsolationLevel, get_transaction
from prefect.utilities.annotations import opaque

from execution.cache import checkpoints
from execution.cache.key import UNTIL, DeterminedByInputsAndSources, identity, key
from execution.cache.records import read
from execution.config import RunContext
from execution.orchestration.loopback import speak_directly
from execution.steps.run import Run, TaskRun
from execution.storage import layout
from execution.storage.choose import AnyStorage
from execution.tracking import choose
from execution.tracking.tracker import TrackerDied
from experiment.errors import Interrupted
from experiment.values import Result, Settings

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=Result)

RESULTS: dict[str, Any] = {
    "result_serializer": "json",
    "cache_result_in_memory": False,  # threads share Prefect's bounded cache without a lock: KeyError
}

speak_directly()  # here, since every process that runs a task imports this module


def step(
    job_type: str,
    name: str = "",
    *,
    displayed: str = "",
    shown: Mapping[str, str] | None = None,
    also: Mapping[str, str] | None = None,
    **options: Any,
) -> Callable[[Callable[Concatenate[Run, P], R]], Task[Concatenate[RunContext, P], R]]:
    """A decorator that turns a body into a Prefect task with a cache, a tracker and a name.

    The body takes a `Run` and its inputs and returns a `Result`; the task takes the `RunContext` in place of the `Run`.
    Every number, string and `Settings` among the inputs is a setting, which `run.config` has as W&B returned it, except
    `until` (`execution.cache.key`). Steps with that input heed the time limit.

    Parameters
    ----------
    job_type : of the step, in W&B
    name : of the task run and of its W&B run, a template over the inputs; default: the job type
    displayed : another name for the W&B run
    shown : additional entries of W&B's config
    also : second names of settings in W&B's config
    options : of the Prefect task
    """

    def decorate(body: Callable[Concatenate[Run, P], R]) -> Task[Concatenate[RunContext, P], R]:
        takes = inspect.signature(body)
        _, *inputs = takes.parameters.values()

        def named(parameters: Mapping[str, Any]) -> str:
            short = parameters.get(UNTIL)
            return (name or job_type.replace("_", " ")).format(**parameters) + (f" to epoch {short}" if short else "")

        @wraps(body)
        def run_step(execution: RunContext, /, *args: P.args, **kwargs: P.kwargs) -> R:
            bound = takes.bind(None, *args, **kwargs)
            bound.apply_defaults()
            given = dict(list(bound.arguments.items())[1:])  # without the run
            config, began = settings(given), time.monotonic()
            called = displayed or (named(given) if name else job_type)
            beside = {**(shown or {}), **{other: config[setting] for other, setting in (also or {}).items()}}
            try:
                limited = UNTIL in given
                if limited and execution.state.time_is_up:
                    raise Interrupted("no time was left for it")
                refuse_forbidden(execution.storage)
                quiet = gone_further(execution.storage, body.__module__, given)
                untracked = execution.model_copy(update={"wandb_mode": "disabled"})
                for mode in [untracked] if quiet else [execution, execution, untracked]:  # a retry, then untracked
                    if execution.state.stop_requested:
                        raise Interrupted("stopped before it began")
                    with suppress(TrackerDied), choose.tracked(mode, job_type, called, config | beside) as tracker:
                        result = body(TaskRun(execution, identity(), tracker, config, limited), *args, **kwargs)
                        break
            except Interrupted as stopped:
                return cancelled(stopped)  # type: ignore[return-value]  # Prefect accepts a state as a return value
            if not result.complete:
                keep_no_record()
            task_run = TaskRunContext.get()
            origin = {
                "identity": identity(),
                "task_run": str(task_run.task_run.id) if task_run else "",
                "seconds": round(time.monotonic() - began, 3),
            }
            return result.model_copy(update=origin)

        first = inspect.Parameter("execution", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=RunContext)
        run_step.__signature__ = takes.replace(parameters=[first, *inputs])  # type: ignore[attr-defined]
        made: Task[Concatenate[RunContext, P], R] = task(
            task_run_name=named,  # type: ignore[arg-type]  # Prefect's annotation is too narrow
            cache_policy=DeterminedByInputsAndSources(isolation_level=IsolationLevel.SERIALIZABLE),
            **RESULTS,
            **options,
        )(run_step)
        return made

    return decorate


def opaque_all(values: Iterable[T]) -> list[T]:
    """Step inputs in which Prefect does not search for futures and results; steps get the plain values.

    It would search all fields of each, several times per task run, which is slow for thousands of combinations.
    """
    return [PicklableOpaque(value) for value in values]  # type: ignore[misc]


class PicklableOpaque(opaque):
    """Prefect's `opaque`, which by itself holds a tuple of its value after unpickling."""

    def __getnewargs__(self) -> tuple[Any]:
        return (self.value,)


def gone_further(storage: AnyStorage, module: str, inputs: Mapping[str, Any]) -> bool:
    """Whether a training was once further than it goes now: then its W&B run already has all epochs, and more."""
    until = inputs.get(UNTIL)
    if until is None:
        return False
    if storage.exists(f"{layout.RECORDS}/{key(module, {**inputs, UNTIL: None})}"):
        return True
    state = checkpoints.load(storage, identity())
    return state is not None and len(state.history) > until


def refuse_forbidden(storage: AnyStorage) -> None:
    """Raise Forbidden if there is a result that the user may not read; Prefect would take it for "not cached"."""
    transaction = get_transaction()
    assert transaction is not None
    with suppress(ValueError):  # usually there is none
        read(storage, str(transaction.key))


def cancelled(stopped: Interrupted) -> State[Any]:
    """The state of a task run that was asked to stop. No result is stored."""
    keep_no_record()
    return Cancelled(message=str(stopped))


def keep_no_record() -> None:
    """Store no result, so that the running task runs again next time."""
    transaction = get_transaction()
    assert transaction is not None
    transaction.write_on_commit = False


def settings(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The settings among a step's inputs, as opposed to results of earlier steps, by name."""
    flat: dict[str, Any] = {}
    for name, value in inputs.items():
        if isinstance(value, Settings):
            flat |= value.model_dump(mode="json")
        elif isinstance(value, int | float | str) and name != UNTIL:
            flat[name] = value
    return flat
