"""The kinds of values that the project is made of: small, immutable, JSON."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """Immutable, hashable, and strict about what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Settings(Frozen):
    """What a step is told, as opposed to what an earlier step found: seen in W&B, field by field."""


class Result(Frozen):
    """What a step returns. Refers to no other step's identity: a cached result may hold only what its key holds."""

    identity: str = Field("", description="Of the step that made it: names its cache entry and its W&B run.")
    task_run: str = Field("", description="The id of the Prefect task run that made it.")
    seconds: float = Field(0.0, description="That the task run took; of one that was killed, the last try's.")

    @property
    def complete(self) -> bool:
        """Whether it may stand for the step in later sweeps, too."""
        return True


ORIGIN = frozenset(Result.model_fields)  # says where a result came from, and determines nothing


class ArrayRef(Frozen):
    """What a result keeps of an array."""

    digest: str  # "sha256:<hex>" of the .npy file
    shape: tuple[int, ...]
    dtype: str


class FileRef(Frozen):
    """What a result keeps of a file, a picture say."""

    digest: str  # "file:sha256:<hex>" of its bytes


class Artifact(Frozen):
    """Something that has versions, one for each content: data, a model."""

    name: str
    kind: Literal["dataset", "model"]
    contents: dict[str, ArrayRef | FileRef]  # by name
    about: dict[str, Any]  # what is to be known of it, JSON


def text(value: Any) -> str:
    """Return a value as it is shown."""
    return value if isinstance(value, str) else f"{value:g}"
