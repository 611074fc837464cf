"""Base classes of the project's values: small, immutable, JSON."""

import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
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

    digest: str = Field(pattern="^sha256:[0-9a-f]{64}$")  # of the .npy file
    shape: tuple[int, ...]
    dtype: str


class FileRef(Frozen):
    """A reference to a stored file, such as a picture."""

    digest: str = Field(pattern="^file:sha256:[0-9a-f]{64}$")  # of its bytes


class Examples(Frozen):
    """References to n images and their labels."""

    images: ArrayRef  # (n, m)
    labels: ArrayRef  # (n,) int64 in 0 … c − 1


class TrainingSet(Examples):
    """The training rows, which every step may use."""

    classes: int  # c


class FoldData(TrainingSet):
    """The training rows, scaled by the statistics of those that are trained on, and the rows of a fold."""

    train: ArrayRef  # (k,) int64
    validation: ArrayRef  # (n − k,) int64


class TestSet(Examples):
    """The test rows, which only the evaluate step may use."""

    __test__ = False  # not a pytest class
    rows: ArrayRef | None = None  # (n,) int64 rows of the user's file; None: all, in order


class Artifact(Frozen):
    """A versioned artifact of W&B: a data set or a model."""

    name: str
    kind: Literal["dataset", "model"]
    contents: dict[str, ArrayRef | FileRef]  # by name
    about: dict[str, Any]  # metadata, JSON


def expanded(path: str | Path) -> Path:
    """The path with the home folder in place of ~, if that is known."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib raises RuntimeError otherwise


def text(value: Any) -> str:
    """A value as text, as the reports show it."""
    return value if isinstance(value, str) else f"{value:g}"


def suggestion(name: str, names: Iterable[str]) -> str:
    """A question that suggests a similar name, whatever its case; "" if there is none."""
    known = {other.lower(): other for other in names}
    close = get_close_matches(name.lower(), known, 1)
    return f"did you mean {known[close[0]]}?" if close and known[close[0]] != name else ""
