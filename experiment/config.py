"""The two configurations: what determines the numbers, and how they are computed.

They are the flow's two parameters, hence the form in the Prefect UI; the command line's flags; and the
provenance that a sweep records. Nothing in `Execution` may change a result.
"""

import hashlib
import itertools
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from experiment.store import ArrayStore, Frozen
from softmax.sgd import Engine


def each(check: Callable[[Any], bool], requirement: str) -> AfterValidator:
    """A validator of a grid axis: at least one value, no duplicates, and each satisfies `check`."""

    def validate(values: tuple[Any, ...]) -> tuple[Any, ...]:
        if not values:
            raise ValueError("give at least one value")
        if repeated := sorted({value for value in values if values.count(value) > 1}):
            raise ValueError(f"{repeated[0]:g} stands here twice: give each value once")
        for value in values:
            if not check(value):
                raise ValueError(f"{value:g} is not possible: each value must be {requirement}")
        return values

    return AfterValidator(validate)


def one(check: Callable[[Any], bool], requirement: str) -> AfterValidator:
    """A validator of a single value."""

    def validate(value: Any) -> Any:
        if not check(value):
            raise ValueError(f"{value} is not possible: must be {requirement}")
        return value

    return AfterValidator(validate)


def is_seed(value: int) -> bool:
    return 0 <= value < 2**32


class Combination(Frozen):
    """One point of the grid."""

    learning_rate: float
    batch_size: int
    alpha: float

    def __str__(self) -> str:
        return f"lr={self.learning_rate:g} batch={self.batch_size} alpha={self.alpha:g}"


class Recipe(Frozen):
    """What all combinations of a sweep have in common in training."""

    max_epochs: int
    patience: int
    average: bool
    engine: Engine


class Experiment(Frozen):
    """What determines the numbers."""

    data_dir: Path | None = Field(
        None,
        description="Folder with your own data: fashion_mnist_{train,test}_{images,labels}.npy, any number of "
        "features and classes. Left out: Fashion-MNIST, downloaded and verified.",
    )
    learning_rates: Annotated[tuple[float, ...], each(lambda x: 0 < x < math.inf, "positive and finite")] = Field(
        (0.1, 0.01, 0.001), description="Grid axis: step sizes of SGD."
    )
    batch_sizes: Annotated[tuple[int, ...], each(lambda x: x >= 1, "at least 1")] = Field(
        (8, 16, 32, 64), description="Grid axis: examples per step."
    )
    alphas: Annotated[tuple[float, ...], each(lambda x: 0 <= x < math.inf, "finite and not negative")] = Field(
        (0.0, 0.001, 0.01), description="Grid axis: L2 strengths on the weights."
    )
    max_epochs: Annotated[int, one(lambda x: x >= 1, "at least 1")] = Field(
        1000, description="Most epochs a combination may train."
    )
    patience: Annotated[int, one(lambda x: x >= 1, "at least 1")] = Field(
        10, description="Epochs without a new lowest validation loss before a combination stops."
    )
    seed: Annotated[int, one(is_seed, "between 0 and 2³² − 1")] = Field(
        541, description="Seed of the split, of the initial weights and of the order of examples."
    )
    seeds: Annotated[
        tuple[int, ...],
        one(lambda x: len(set(x)) == len(x) and all(map(is_seed, x)), "different, between 0 and 2³² − 1"),
    ] = Field(
        (),
        description="Train every combination under each of these seeds (initial weights and order) and select "
        "by the mean. Left out: under `seed` alone.",
    )
    validation_fraction: Annotated[float, one(lambda x: 0 < x < 1, "between 0 and 1, both excluded")] = Field(
        0.2, description="Fraction of the training files held out for validation."
    )
    average: bool = Field(
        False,
        description="Validate, return and retrain the average of all SGD iterates (Polyak-Ruppert), not the last.",
    )
    select_by: Literal["val_accuracy", "val_loss"] = Field(
        "val_accuracy", description="What the best combination is best at; the other one breaks ties."
    )
    engine: Engine = Field(
        "numba", description="Compiled kernel, or the readable NumPy reference (same mathematics, slower)."
    )

    @property
    def recipe(self) -> Recipe:
        return Recipe(max_epochs=self.max_epochs, patience=self.patience, average=self.average, engine=self.engine)

    @property
    def training_seeds(self) -> tuple[int, ...]:
        return self.seeds or (self.seed,)

    @property
    def combinations(self) -> list[Combination]:
        """The grid, in the order of its axes."""
        return [
            Combination(learning_rate=rate, batch_size=size, alpha=alpha)
            for rate, size, alpha in itertools.product(self.learning_rates, self.batch_sizes, self.alphas)
        ]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Execution(Frozen):
    """How the numbers are computed and where they are kept."""

    name: Annotated[
        str | None,
        one(
            lambda x: x is None or (x not in {".", "..", "latest"} and x.replace("-", "").isidentifier()),
            "letters, digits, '-' and '_', not starting with a digit, and not 'latest'",
        ),
    ] = Field(None, description="Name of the sweep's folder and W&B group. Left out: from the experiment.")
    artifacts: Path = Field(Path("artifacts"), description="Where everything a run leaves behind is kept.")
    workers: Annotated[int, one(lambda x: x >= 1, "at least 1")] = Field(
        default_factory=lambda: len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
        description="Combinations trained side by side. Left out: one per core.",
    )
    wandb_mode: Literal["offline", "online", "disabled"] | None = Field(
        None,
        description="Weights & Biases tracking. Left out: online when an API key is there, else offline.",
    )
    wandb_project: Annotated[str, one(lambda x: bool(x.strip()), "not empty")] = Field(
        "softmax-sweep", description="Weights & Biases project."
    )

    @property
    def store(self) -> ArrayStore:
        return ArrayStore(root=self.artifacts / "arrays")
