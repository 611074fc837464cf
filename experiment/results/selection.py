"""The result of `select`."""

from experiment.values import ArrayRef, Frozen, Result


class Gap(Frozen):
    """The gap of a combination to the winner in the selecting metric, on the same rows."""

    difference: float  # a fraction, or nats
    standard_error: float  # over resamples of the rows
    within_noise: bool  # it may be as good: `experiment.search.comparison`


class Selection(Result):
    """The order of the combinations, by position: the best first, those that diverged last.

    Combinations that diverged or were pruned are not compared, and none is until halving ends.
    """

    order: tuple[int, ...]
    gaps: tuple[Gap | None, ...]  # by position; None: not compared
    resampled: ArrayRef | None  # (combinations, resamples) float32: best first, accuracies on resamples of the rows
