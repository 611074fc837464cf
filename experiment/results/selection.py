"""The results of `sample` and `select`."""

from experiment.axes import Combination
from experiment.values import ArrayRef, Frozen, Result


class Gap(Frozen):
    """The gap of a combination to the winner in the selecting metric, on the same rows or folds."""

    difference: float  # a fraction, or nats
    standard_error: float  # over resamples of the rows; with folds that of the corrected t test
    within_noise: bool  # it may be as good: `experiment.search.comparison`


class Place(Frozen):
    """A combination's place in the ranking."""

    combination: Combination
    gap: Gap | None = None  # None: not compared, because it diverged or was pruned, or because halving continues


class Selection(Result):
    """The combinations, ranked: the best first, those that diverged last."""

    places: tuple[Place, ...]
    resampled: ArrayRef | None  # (combinations, resamples) float32: best first, accuracies on resamples of the rows


class Sampled(Result):
    """The combinations to train next."""

    combinations: tuple[Combination, ...]
