"""Base classes of the project's values: small, immutable, JSON."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """An immutable, hashable model that forbids unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Settings(Frozen):
    """Settings of a step, as opposed to results of earlier steps. W&B shows each field."""


class Result(Frozen):
    """The result of a step. It contains no other step's identity: a cached result depends only on its key."""

    identity: str = Field("", description="The id of its cache entry and its W&B run.")
    task_run: str = Field("", description="The id of the Prefect task run that made it.")
    seconds: float = Field(0.0, description="The duration of the task run (of its last attempt).")

    @property
    def complete(self) -> bool:
        """Whether later sweeps may reuse the result."""
        return True


ORIGIN = frozenset(Result.model_fields)  # the origin of a result, which changes no metric


class ArrayRef(Frozen):
    """A reference to a stored array."""

    digest: str  # "sha256:<hex>" of the .npy file
    shape: tuple[int, ...]
    dtype: str


class FileRef(Frozen):
    """A reference to a stored file, such as a picture."""

    digest: str  # "file:sha256:<hex>" of its bytes


class Artifact(Frozen):
    """A versioned artifact of W&B: a data set or a model."""

    name: str
    kind: Literal["dataset", "model"]
    contents: dict[str, ArrayRef | FileRef]  # by name
    about: dict[str, Any]  # metadata, JSON


def text(value: Any) -> str:
    """A value as text, as the reports show it."""
    return value if isinstance(value, str) else f"{value:g}"
