"""What `select` returns."""

from experiment.search.comparison import Gap
from experiment.values import ArrayRef, Result


class Selection(Result):
    """Which of the combinations that were given, by position: the best first, those that diverged last.

    Not compared are those that diverged or were pruned, and all while halving goes on.
    """

    order: tuple[int, ...]
    behind: tuple[Gap | None, ...]  # the best, by position; None for those that were not compared
    resampled: ArrayRef | None  # (combinations, resamples) float32: accuracies on resamples of the validation rows
