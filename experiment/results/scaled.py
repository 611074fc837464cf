"""The result of `scale`."""

from experiment.data.scaling import Kind
from experiment.results.examples import TrainingSet
from experiment.values import ArrayRef, Frozen, Result


class ScalingRef(Frozen):
    """A reference to an `experiment.data.scaling.Scaling`."""

    kind: Kind
    statistics: ArrayRef | None
    extremes: ArrayRef
    fill: ArrayRef | None = None


class Scaled(Result):
    """The scaled training rows, twice: only the final model may use statistics of the validation rows."""

    train: TrainingSet  # with the statistics of the training part of the split
    train_scaling: ScalingRef
    final: TrainingSet  # with the statistics of all training rows
    final_scaling: ScalingRef
    said: str  # the scaling and the reason for it, in words
