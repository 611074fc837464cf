"""The hyperparameters that a sweep searches over. Each is declared once, here, as a field of `Combination`.

The grid, the flags, the names of runs, the leaderboard, importance, pictures and W&B's config are derived from it. A
hyperparameter has an effect only if `experiment.training.epochs` passes it on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import getitem
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from experiment.search.space import ValuesOrRange, several
from experiment.values import Frozen, Settings, text
from softmax.decay import Decay

LARGEST = 3.4e38  # of float32, the dtype of the weights
OWN_ADAM_RATES = (0.1, 0.01)  # default learning rates of Adam on the user's own data (docs/results.md)


@dataclass(frozen=True)
class Axis:
    """The description of a hyperparameter, besides its type and bounds."""

    plural: str  # the field of the experiment and the flag
    short: str  # in the names of runs
    label: str  # in pictures
    scale: Literal["log", "linear", "category"]  # of plots and of sampling; categories are texts
    default: tuple[float | str, ...]
    own: tuple[float | str, ...]  # default for the user's own data
    description: str


class Combination(Settings):
    """One value for each hyperparameter. Names leave out fields that have their default value."""

    learning_rate: Annotated[
        float,
        Field(gt=0, le=LARGEST, allow_inf_nan=False),
        Axis("learning_rates", "lr", "learning rate", "log", (0.1, 0.01, 0.001), (1.0, 0.1), "step sizes of SGD"),
    ]
    batch_size: Annotated[
        int,
        Field(ge=1),
        Axis("batch_sizes", "batch", "batch size", "log", (8, 16, 32, 64), (16,), "examples per step"),
    ]
    alpha: Annotated[
        float,
        Field(ge=0, le=LARGEST, allow_inf_nan=False),
        Axis(
            "alphas", "alpha", "α", "log", (0.0, 0.001, 0.01), (0.0, 1e-4, 1e-3, 0.01, 0.1, 1.0),
            "L2 strengths on the weights",
        ),
    ]  # fmt: skip
    momentum: Annotated[
        float,
        Field(ge=0, lt=1),
        Axis(
            "momentum", "momentum", "momentum", "linear", (0.0,), (0.0,),
            "the fraction of its velocity that SGD keeps in a step",
        ),
    ] = 0.0  # fmt: skip
    decay: Annotated[
        Decay,
        Axis(
            "decay", "decay", "decay", "category", ("none",), ("cosine",),
            "the learning rate's schedule: constant, 1 / sqrt(epoch), or a cosine down to 0 at max_epochs",
        ),
    ] = "none"  # fmt: skip
    optimizer: Annotated[
        Literal["sgd", "adam"],
        Axis(
            "optimizer", "optimizer", "optimizer", "category", ("sgd",), ("sgd",),
            "stochastic gradient descent, or Adam, whose L2 penalty is part of the gradient and whose default learning "
            f"rates on your own data are {' '.join(map(text, OWN_ADAM_RATES))}",
        ),
    ] = "sgd"  # fmt: skip

    def __str__(self) -> str:
        return " ".join(f"{AXES[name].short}={text(value)}" for name, value in self.nondefault().items())

    def nondefault(self) -> dict[str, Any]:
        """The values that are not defaults, by name."""
        return self.model_dump(exclude_defaults=True)

    @property
    def words(self) -> str:
        """The values with full names, for the terminal."""
        return ", ".join(f"{name.replace('_', ' ')} {text(value)}" for name, value in self.nondefault().items())


AXES: Mapping[str, Axis] = {
    name: extra
    for name, field in Combination.model_fields.items()
    for extra in field.metadata
    if isinstance(extra, Axis)
}


def axes_of(combinations: Iterable[Combination]) -> dict[str, Axis]:
    """The axes on which some combination differs from the default: tables and pictures leave out the others."""
    names = {name for combination in combinations for name in combination.nondefault()}
    return {name: axis for name, axis in AXES.items() if name in names}


def bounded(name: str) -> Any:
    """The type of an axis's value with its bounds."""
    field = Combination.model_fields[name]
    return getitem(Annotated, (field.annotation, *field.metadata))


def grid_field(name: str, axis: Axis) -> Any:
    """The type of an axis's field in the experiment. Its default, None, depends on the data."""
    value, (default, own) = bounded(name), (" ".join(map(text, values)) for values in (axis.default, axis.own))
    words = f"Default: {default}" + (f", for your own data {own}." if own != default else ".")
    if axis.scale == "category":
        return several(value) | None, Field(None, description=f"Grid axis: {axis.description}. {words}")
    either = ValuesOrRange(f"{axis.plural.title().replace('_', '')}Range", value, log=axis.scale == "log")
    return Annotated[tuple.__class_getitem__((value, ...)), either], Field(
        None, description=f"Grid axis: {axis.description}. Values, or a range LOW:HIGH to draw from. {words}"
    )


# One field for each axis, named by its plural: `learning_rates` and so on.
Grid = create_model("Grid", __base__=Frozen, **{axis.plural: grid_field(name, axis) for name, axis in AXES.items()})

# One of several grids has one field for each axis, named as in `Combination`: a value, several, or None if left out.
part_fields: Any = {name: (bounded(name) | several(bounded(name)) | None, None) for name in AXES}
GridPart = create_model("GridPart", __base__=Frozen, **part_fields)
