"""Steps that are to run again though they are cached, to see whether they still give the same."""

import inspect
from collections.abc import Mapping
from typing import Any, ParamSpec, TypeVar

from prefect import Task

from execution import log
from execution.cache import checkpoints
from execution.cache.key import key, plain
from execution.cache.records import result_of
from execution.config import RunContext
from execution.storage import layout
from experiment.values import Result

P = ParamSpec("P")
R = TypeVar("R")


class Refreshable(Task[P, R]):
    """A Prefect task that runs again if the execution's `refresh` has its name. (If mapped, the caller sees to it.)"""

    def __call__(self, execution: RunContext, *args: Any, wait_for: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        bound = inspect.signature(self.fn).bind(execution, *args, **kwargs)
        bound.apply_defaults()
        earlier = forget(self, execution, bound.arguments)
        result = super().__call__(execution, *args, wait_for=wait_for, **kwargs)
        compare(self.name, earlier, result)
        return result


def forget(step: Task[..., Any], execution: RunContext, inputs: Mapping[str, Any]) -> Result | None:
    """Remove the cached result and the checkpoint of a step that is to run again; return the result, None if none."""
    if step.name not in execution.refresh:
        return None
    entry = key(step.fn.__module__, {name: unwrapped(value) for name, value in inputs.items()})
    if earlier := result_of(execution.storage, entry):
        execution.storage.delete(checkpoints.key_of(entry[: layout.IDENTITY]))
        execution.storage.delete(f"{layout.RECORDS}/{entry}")
    return earlier


def unwrapped(value: Any) -> Any:
    """The value of an input that Prefect is not to search."""
    if isinstance(value, list):
        return [unwrapped(item) for item in value]
    return value.unwrap() if hasattr(value, "unwrap") else value


def compare(name: str, earlier: Result | None, result: object) -> None:
    """Say whether a step that ran again gave another result, and in which fields."""
    if earlier is None:
        return
    before, now = plain(earlier), plain(result)
    if differing := [field for field in before.keys() | now.keys() if before.get(field) != now.get(field)]:
        log.warning("refresh: %s gave another result than the cached one: %s", name, ", ".join(sorted(differing)))
    else:
        log.info("refresh: %s gave the same result", name)
