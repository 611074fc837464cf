"""The cache key of a step: everything that determines its result, and nothing else."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from execution.cache.closure import closure
from execution.config import Execution
from execution.storage import layout
from experiment.values import ORIGIN, Result

# The input that says after which epoch a training pauses; None: it runs to its end. It determines the result, but not
# the training's identity: a paused training may continue later.
UNTIL = "until"


@dataclass
class DeterminedByInputsAndSources(CachePolicy):
    """Key = SHA-256 of the inputs, without the `Execution`, and of the sources that the step's body reaches."""

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str:
        return key(task_ctx.task.fn.__module__, inputs)


def key(module: str, inputs: dict[str, Any]) -> str:
    """The cache key of the step in `module` for these inputs.

    Its first `IDENTITY` characters do not depend on how far a training goes; they name its W&B run and its checkpoint.
    """
    given = {name: value for name, value in inputs.items() if not isinstance(value, Execution)}
    whole = digest(module, given)
    if UNTIL not in given:
        return whole
    same = {name: value for name, value in given.items() if name != UNTIL}
    return digest(module, same)[: layout.IDENTITY] + whole[layout.IDENTITY :]


def digest(module: str, inputs: dict[str, Any]) -> str:
    given = json.dumps({name: plain(value) for name, value in inputs.items()}, sort_keys=True)
    determining = f'{{"inputs": {given}, "sources": {sources(module)}}}'
    return hashlib.sha256(determining.encode()).hexdigest()


@cache
def sources(module: str) -> str:
    """The sources that the step in `module` reaches, as JSON."""
    return json.dumps(closure(module))


def plain(value: Any) -> Any:
    """JSON values of models, and of tuples, lists and dicts of them.

    Left out: fields that say where a result came from, fields excluded from JSON, and fields with their default value.
    So a new field with a default changes no key. A released default must not change.
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
