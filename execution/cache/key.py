"""The cache key of a step: what determines its result, and nothing else. Nobody writes one by hand."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from prefect.transactions import get_transaction
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from execution.cache.closure import closure
from execution.config import Execution
from execution.storage import layout
from experiment.values import ORIGIN, Result

# An input of this name says after which epoch a training pauses; None: it goes to its end. It determines the result,
# but not which training it is, for that may go on later.
UNTIL = "until"


@dataclass
class DeterminedByInputsAndSources(CachePolicy):
    """Key = SHA-256 of the inputs, except the `Execution`, and of the sources that the step's body reaches."""

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str:
        return key(task_ctx.task.fn.__module__, inputs)


def key(module: str, inputs: dict[str, Any]) -> str:
    """Return the cache key of the step in `module` for these inputs.

    It begins with what is the same however far a training goes, as do its W&B run and its checkpoint.
    """
    given = {name: value for name, value in inputs.items() if not isinstance(value, Execution)}
    same = {name: value for name, value in given.items() if name != UNTIL}
    return digest(module, same)[: layout.IDENTITY] + digest(module, given)[layout.IDENTITY :]


def digest(module: str, inputs: dict[str, Any]) -> str:
    given = json.dumps({name: plain(value) for name, value in inputs.items()}, sort_keys=True)
    determining = f'{{"inputs": {given}, "sources": {sources(module)}}}'
    return hashlib.sha256(determining.encode()).hexdigest()


@cache
def sources(module: str) -> str:
    """Return as JSON what the step in `module` reaches: the most of what determines it, and the same for all."""
    return json.dumps(closure(module))


def plain(value: Any) -> Any:
    """Return JSON values of models, and of tuples, lists and dicts of them.

    Left out are the fields of results that say where they came from, fields that are kept out of JSON, and fields that
    have their default: so a new field with a default changes no key. A default, once released, must not change.
    """
    if isinstance(value, BaseModel):
        return {
            name: plain(getattr(value, name))
            for name, field in type(value).model_fields.items()
            if not field.exclude
            and not (name in ORIGIN and isinstance(value, Result))
            and getattr(value, name) != field.get_default()
        }
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return to_jsonable_python(value)


def identity() -> str:
    """Return what the running task is called: names its cache entry, its checkpoint and its W&B run."""
    transaction = get_transaction()
    assert transaction is not None
    assert transaction.key is not None
    return transaction.key[: layout.IDENTITY]
