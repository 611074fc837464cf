"""The hyperparameters that a sweep searches over. Each is declared once, here, as a field of `Combination`.

From there come the grid, the flags, the names of runs, the leaderboard, importance, pictures and W&B's config. To be
of any use one must also be a parameter of `softmax.sgd.train`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import getitem
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from experiment.search.space import ValuesOrRange, several
from experiment.values import Frozen, Settings, text
from softmax.decay import Decay

LARGEST = 3.4e38  # that float32 holds, which is what weights are


@dataclass(frozen=True)
class Axis:
    """What is to be known of a hyperparameter beside its type and bounds."""

    plural: str  # its values in the experiment, hence the flag
    short: str  # in the names of runs
    label: str  # in pictures
    scale: Literal["log", "linear", "category"]  # on which its values are to be seen; categories are texts
    default: tuple[float | str, ...]
    description: str


class Combination(Settings):
    """One point of the grid.

    A field with a default is one that a combination can do without: where it has this value, names leave it out.
    """

    learning_rate: Annotated[
        float,
        Field(gt=0, le=LARGEST, allow_inf_nan=False),
        Axis("learning_rates", "lr", "learning rate", "log", (0.1, 0.01, 0.001), "step sizes of SGD"),
    ]
    batch_size: Annotated[
        int,
        Field(ge=1),
        Axis("batch_sizes", "batch", "batch size", "log", (8, 16, 32, 64), "examples per step"),
    ]
    alpha: Annotated[
        float,
        Field(ge=0, le=LARGEST, allow_inf_nan=False),
        Axis("alphas", "alpha", "α", "log", (0.0, 0.001, 0.01), "L2 strengths on the weights"),
    ]
    momentum: Annotated[
        float,
        Field(ge=0, lt=1),
        Axis(
            "momentum",
            "momentum",
            "momentum",
            "linear",
            (0.0,),
            "of SGD, the part of its velocity that it keeps in a step",
        ),
    ] = 0.0
    decay: Annotated[
        Decay,
        Axis(
            "decay",
            "decay",
            "decay",
            "category",
            ("none",),
            "what the learning rate does: stays, goes down as 1 / sqrt(epoch), or along a cosine to 0 at max_epochs",
        ),
    ] = "none"

    def __str__(self) -> str:
        return " ".join(f"{AXES[name].short}={text(value)}" for name, value in self.nondefault().items())

    def nondefault(self) -> dict[str, Any]:
        """Return its values by name, without those that it could do without."""
        return self.model_dump(exclude_defaults=True)

    @property
    def words(self) -> str:
        """Spelled out, for the terminal."""
        return ", ".join(f"{name.replace('_', ' ')} {text(value)}" for name, value in self.nondefault().items())


def declared(model: type[Frozen]) -> dict[str, Axis]:
    """Return the axis of each field that has one, in order."""
    return {
        name: extra for name, field in model.model_fields.items() for extra in field.metadata if isinstance(extra, Axis)
    }


AXES: Mapping[str, Axis] = declared(Combination)


def axes_of(combinations: Iterable[Combination]) -> dict[str, Axis]:
    """Return the axes that some combination cannot do without: the others have no place in tables and pictures."""
    names = {name for combination in combinations for name in combination.nondefault()}
    return {name: axis for name, axis in AXES.items() if name in names}


def grid_field(name: str, axis: Axis) -> Any:
    """Return type and default of the experiment's field of one axis."""
    field = Combination.model_fields[name]
    value = getitem(Annotated, (field.annotation, *field.metadata))  # its bounds among them
    if axis.scale == "category":
        return several(value), Field(axis.default, description=f"Grid axis: {axis.description}.")
    called = f"{axis.plural.title().replace('_', '')}Range"
    either = ValuesOrRange(called, value, log=axis.scale == "log")
    return Annotated[tuple.__class_getitem__((value, ...)), either], Field(
        axis.default,
        description=f"Grid axis: {axis.description}. Values, or a range LOW:HIGH to draw from.",
    )


# A field for each axis, with the plural's name: `learning_rates` and so on.
Grid = create_model("Grid", __base__=Frozen, **{axis.plural: grid_field(name, axis) for name, axis in AXES.items()})
