"""The hyperparameters that a sweep searches over. Each is declared once, here, as a field of `Combination`.

From there come the grid, the flags, the names of runs, the leaderboard, importance, pictures and W&B's config. To be
of any use one must also be a parameter of `softmax.sgd.train`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import getitem
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from experiment.ranges import ValuesOrRange
from experiment.values import Frozen, Settings

LARGEST = 3.4e38  # that float32 holds, which is what weights are


@dataclass(frozen=True)
class Axis:
    """What is to be known of a hyperparameter beside its type and bounds."""

    plural: str  # its values in the experiment, hence the flag
    short: str  # in the names of runs
    label: str  # in pictures
    scale: Literal["log", "linear"]  # on which its values are to be seen
    default: tuple[float, ...]
    description: str


class Combination(Settings):
    """One point of the grid."""

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

    def __str__(self) -> str:
        return " ".join(f"{axis.short}={getattr(self, name):g}" for name, axis in AXES.items())

    @property
    def words(self) -> str:
        """Spelled out, for the terminal."""
        return ", ".join(f"{name.replace('_', ' ')} {getattr(self, name):g}" for name in AXES)


def declared(model: type[Frozen]) -> dict[str, Axis]:
    """Return the axis of each field that has one, in order."""
    return {
        name: extra for name, field in model.model_fields.items() for extra in field.metadata if isinstance(extra, Axis)
    }


AXES: Mapping[str, Axis] = declared(Combination)


def grid_field(name: str, axis: Axis) -> Any:
    """Return type and default of the experiment's field of one axis."""
    field = Combination.model_fields[name]
    bounds = [extra for extra in field.metadata if extra is not axis]
    value = getitem(Annotated, (field.annotation, *bounds))
    called = f"{axis.plural.title().replace('_', '')}Range"
    either = ValuesOrRange(called, value, log=axis.scale == "log")
    return Annotated[tuple.__class_getitem__((value, ...)), either], Field(
        axis.default,
        description=f"Grid axis: {axis.description}. Values, or a range LOW:HIGH to draw from.",
    )


# A field for each axis, with the plural's name: `learning_rates` and so on.
Grid = create_model("Grid", __base__=Frozen, **{axis.plural: grid_field(name, axis) for name, axis in AXES.items()})
