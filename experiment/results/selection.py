"""What `select` returns."""

from experiment.values import ArrayRef, Frozen, Result


class Gap(Frozen):
    """By how much a combination is behind the winner, in the figure that selected it, on the same rows."""

    difference: float  # of a fraction or in nats; below 0 where one that was pruned stood better
    standard_error: float  # over resamples of the rows
    within_noise: bool  # it may be the best: `experiment.search.comparison`


class Selection(Result):
    """Which of the combinations that were given, by position: the best first, those that diverged last.

    Not compared are those that diverged or were pruned, and all while halving goes on.
    """

    order: tuple[int, ...]
    behind: tuple[Gap | None, ...]  # the best, by position; None for those that were not compared
    resampled: ArrayRef | None  # (combinations, resamples) float32: best first, accuracies on resamples of the rows
