"""The result of `scale`."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from experiment.data.scaling import Kind, Scaling
from experiment.values import ArrayRef, FoldData, Frozen, Result, TrainingSet


class ScalingRef(Frozen):
    """A reference to an `experiment.data.scaling.Scaling`."""

    kind: Kind
    statistics: ArrayRef | None
    extremes: ArrayRef
    fill: ArrayRef | None = None

    def loaded(self, load: Callable[[ArrayRef], NDArray[Any]]) -> Scaling:
        statistics = load(self.statistics) if self.statistics else None
        return Scaling(self.kind, statistics, load(self.extremes), load(self.fill) if self.fill else None)


class Scaled(Result):
    """The scaled training rows of each fold and of the final model, which alone may use all rows' statistics."""

    folds: tuple[FoldData, ...]
    fold_scaling: ScalingRef  # of the first fold
    final: TrainingSet  # with the statistics of all training rows
    final_scaling: ScalingRef
    description: str  # the scaling and the reason for it, in words
