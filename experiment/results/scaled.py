"""What `scale` returns."""

from experiment.data.scaling import Kind
from experiment.results.examples import TrainingSet
from experiment.values import ArrayRef, Frozen, Result


class ScalingRef(Frozen):
    """What a result keeps of an `experiment.data.scaling.Scaling`."""

    kind: Kind
    statistics: ArrayRef | None
    extremes: ArrayRef
    fill: ArrayRef | None = None


class Scaled(Result):
    """The training rows as inputs, twice: selection must not know the validation rows, the final model may."""

    train: TrainingSet  # by the rows that are trained on while selecting
    train_scaling: ScalingRef
    final: TrainingSet  # by all training rows
    final_scaling: ScalingRef
    said: str  # which scaling, and why
