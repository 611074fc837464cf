"""`@step`, which turns a plain function into a step of the DAG."""

import inspect
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial, partialmethod, wraps
from ipaddress import ip_address
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

from prefect import Task
from prefect.client.base import PrefectHttpxAsyncClient, PrefectHttpxSyncClient
from prefect.context import TaskRunContext
from prefect.events import clients
from prefect.results import get_result_store
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelled
from prefect.transactions import IsolationLevel, get_transaction
from prefect.utilities.annotations import opaque

from execution.cache import checkpoints
from execution.cache.key import UNTIL, DeterminedByInputsAndSources, key
from execution.cache.records import result_of
from execution.cache.refresh import Refreshable
from execution.config import RunContext
from execution.steps.run import Run
from execution.storage import Storage, layout
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

APPENDED = {"fold": " fold={}", UNTIL: " to epoch {}"}  # to a name, if the input is given

# Every process that runs a task imports this module. If Prefect's API is on this machine, its clients ignore proxy
# variables: `NO_PROXY` is not enough, since httpx creates no client if it cannot parse the variables.
with suppress(ValueError):  # a name
    host = urlsplit(PREFECT_API_URL.value() or "").hostname or ""
    if host == "localhost" or ip_address(host).is_loopback:
        for client in (PrefectHttpxAsyncClient, PrefectHttpxSyncClient):
            client.__init__ = partialmethod(client.__init__, trust_env=False)  # type: ignore[method-assign,assignment]
        clients.websocket_connect = partial(clients.websocket_connect, proxy=None)  # type: ignore[attr-defined,assignment]

# "Finished in state Cached" of each task run would be all of the log of a night without changes.
logging.getLogger("prefect.task_runs").addFilter(lambda record: "in state Cached" not in record.getMessage())


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
            more = (text.format(parameters[name]) for name, text in APPENDED.items() if parameters.get(name))
            return "".join([(name or job_type.replace("_", " ")).format(**parameters), *more])

        def run(execution: RunContext, entry: str, given: Mapping[str, Any]) -> R:
            identity, config, began = entry[: layout.IDENTITY], settings(given), time.monotonic()
            called = displayed or (named(given) if name else job_type)
            beside = {**(shown or {}), **{other: config[setting] for other, setting in (also or {}).items()}}
            limited = UNTIL in given
            if limited and execution.time_is_up:
                raise Interrupted("no time was left for it")
            quiet = gone_further(execution.storage, body.__module__, identity, given)
            untracked = execution.model_copy(update={"wandb_mode": "disabled"})
            for how in [untracked] if quiet else [execution, execution, untracked]:  # a retry, then untracked
                if execution.state.stop_requested:
                    raise Interrupted("stopped before it began")
                with suppress(TrackerDied), choose.tracked(how, identity, job_type, called, config | beside) as tracker:
                    result = body(Run(execution, identity, tracker, config, limited), **given)  # type: ignore[call-arg]
                    break
            context, seconds = TaskRunContext.get(), round(time.monotonic() - began, 3)
            task_run = str(context.task_run.id) if context else ""
            return result.model_copy(update={"identity": identity, "task_run": task_run, "seconds": seconds})

        @wraps(body)
        def run_step(execution: RunContext, /, *args: P.args, **kwargs: P.kwargs) -> R:
            bound = takes.bind(None, *args, **kwargs)
            bound.apply_defaults()
            given = dict(list(bound.arguments.items())[1:])  # without the run
            transaction = get_transaction()
            assert transaction is not None
            try:
                if transaction.key is None:  # in a task run of several, which is not cached itself
                    entry = key(body.__module__, given)
                    return cached(execution, entry, partial(run, execution, entry, given))  # type: ignore[return-value]
                result_of(execution.storage, transaction.key)  # Prefect takes one that the user may not read for none
                result = run(execution, transaction.key, given)
            except Interrupted as stopped:
                transaction.write_on_commit = False
                return Cancelled(message=str(stopped))  # type: ignore[return-value]  # Prefect accepts a state
            transaction.write_on_commit &= result.complete
            return result

        first = inspect.Parameter("execution", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=RunContext)
        run_step.__signature__ = takes.replace(parameters=[first, *inputs])  # type: ignore[attr-defined]
        return Refreshable(
            run_step,
            task_run_name=named,  # type: ignore[arg-type]
            cache_policy=DeterminedByInputsAndSources(isolation_level=IsolationLevel.SERIALIZABLE),
            **RESULTS,
            **options,
        )

    return decorate


def opaque_all(values: Iterable[T]) -> list[T]:
    """Step inputs in which Prefect does not search for futures and results: it is slow for thousands of fields."""
    return [PicklableOpaque(value) for value in values]  # type: ignore[misc]


class PicklableOpaque(opaque):
    """Prefect's `opaque`, which by itself holds a tuple of its value after unpickling."""

    def __getnewargs__(self) -> tuple[Any]:
        return (self.value,)


def cached(execution: RunContext, entry: str, run: Callable[[], Result]) -> Result:
    """The result in the cache, or else that of `run`, which is stored. Nobody else runs the step meanwhile."""
    store, holder = get_result_store(), uuid.uuid4().hex
    store.acquire_lock(entry, holder)
    try:
        if known := result_of(execution.storage, entry):
            return known
        result = run()
        if result.complete:
            store.write(result, entry, holder=holder)
        return result
    finally:
        store.release_lock(entry, holder)


def gone_further(storage: Storage, module: str, identity: str, inputs: Mapping[str, Any]) -> bool:
    """Whether a training was once further than it goes now: then its W&B run already has all epochs, and more."""
    if (until := inputs.get(UNTIL)) is None:
        return False
    if storage.exists(f"{layout.RECORDS}/{key(module, {**inputs, UNTIL: None})}"):
        return True
    state = checkpoints.load(storage, identity)
    return state is not None and len(state.history) > until


def settings(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The settings among a step's inputs, as opposed to results of earlier steps, by name."""
    flat: dict[str, Any] = {}
    for name, value in inputs.items():
        if isinstance(value, Settings):
            flat |= value.model_dump(mode="json")
        elif isinstance(value, int | float | str) and name != UNTIL:
            flat[name] = value
    return flat
