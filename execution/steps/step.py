"""What makes a step of the DAG out of a plain function: `@step`."""

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
    "cache_result_in_memory": False,  # it would be in a mapping of 1,000 that threads share without a lock: KeyError
}

speak_directly()  # here, for every process that runs a task comes by


def step(
    job_type: str,
    name: str = "",
    *,
    displayed: str = "",
    shown: Mapping[str, str] | None = None,
    also: Mapping[str, str] | None = None,
    **options: Any,
) -> Callable[[Callable[Concatenate[Run, P], R]], Task[Concatenate[RunContext, P], R]]:
    """Make a body into a Prefect task: cached, tracked, and named.

    The body takes a `Run` and its inputs and returns a `Result`; the task takes the `RunContext` in place of the `Run`.
    Every number, string and `Settings` among the inputs is a setting: `run.config` has it, as W&B gave it back. Only
    `until` is none (`execution.cache.key`). A step that takes it may run out of time.

    Parameters
    ----------
    job_type : of the step, in W&B
    name : of the task run and of its W&B run, a template over the inputs; the job type when left out
    displayed : what the W&B run is called, if it is another name
    shown : what W&B's config shows beside the settings
    also : settings that W&B's config shows under a second name, by that name
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
                for mode in [untracked] if quiet else [execution, execution, untracked]:  # once more, and without
                    if execution.state.stop_requested:
                        raise Interrupted("stopped before it began")
                    with suppress(TrackerDied), choose.tracked(mode, job_type, called, config | beside) as tracker:
                        result = body(TaskRun(execution, identity(), tracker, config, limited), *args, **kwargs)
                        break
            except Interrupted as stopped:
                return cancelled(stopped)  # type: ignore[return-value]  # Prefect takes a state for what it says
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
            task_run_name=named,  # type: ignore[arg-type]  # has what Prefect asks for, but for a type
            cache_policy=DeterminedByInputsAndSources(isolation_level=IsolationLevel.SERIALIZABLE),
            **RESULTS,
            **options,
        )(run_step)
        return made

    return decorate


def opaque_all(values: Iterable[T]) -> list[T]:
    """Return what a step is given such that Prefect looks for futures and results in `values`, not in their fields.

    It would in all fields of each, several times a task run: for thousands of combinations that is a good part of it.
    """
    return [Unsearched(value) for value in values]  # type: ignore[misc]  # the step itself gets what is in it


class Unsearched(opaque):
    """Prefect's `opaque`, which can be sent to another process: unpickled, that holds a tuple of its value."""

    def __getnewargs__(self) -> tuple[Any]:
        return (self.value,)


def gone_further(storage: AnyStorage, module: str, inputs: Mapping[str, Any]) -> bool:
    """Return whether a training has been further than it is to go now: then its W&B run has all this, and more."""
    until = inputs.get(UNTIL)
    if until is None:
        return False
    if storage.exists(f"{layout.RECORDS}/{key(module, {**inputs, UNTIL: None})}"):
        return True
    state = checkpoints.load(storage, identity())
    return state is not None and len(state.history) > until


def refuse_forbidden(storage: AnyStorage) -> None:
    """Raise Forbidden if there is a result already which may not be read; Prefect takes that for "not cached"."""
    transaction = get_transaction()
    assert transaction is not None
    with suppress(ValueError):  # there is none, as a rule
        read(storage, str(transaction.key))


def cancelled(stopped: Interrupted) -> State[Any]:
    """Return the state of a task run that was asked to stop: neither failed nor a result to keep."""
    keep_no_record()
    return Cancelled(message=str(stopped))


def keep_no_record() -> None:
    """Have the running task run again the next time."""
    transaction = get_transaction()
    assert transaction is not None
    transaction.write_on_commit = False


def settings(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return those inputs that a step is told, as opposed to what earlier steps found, by name."""
    flat: dict[str, Any] = {}
    for name, value in inputs.items():
        if isinstance(value, Settings):
            flat |= value.model_dump(mode="json")
        elif isinstance(value, int | float | str) and name != UNTIL:
            flat[name] = value
    return flat
