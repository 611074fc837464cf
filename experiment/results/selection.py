"""What `select` returns."""

from experiment.search.comparison import AccuracyGap
from experiment.values import Result


class Selection(Result):
    """Which of the combinations that were given, by position: the best first, those that diverged last."""

    order: tuple[int, ...]
    behind: tuple[AccuracyGap | None, ...]  # the best, by position; None for those that diverged
