"""Candidates (combinations with all their seeds) and their order."""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev

import numpy as np

from experiment.axes import Combination
from experiment.metrics import METRICS, Counted, MetricName
from experiment.results.selection import Gap, Selection
from experiment.results.trained import Trained
from experiment.values import Frozen


class Candidate(Frozen):
    """One combination with all its seeds and folds; metrics are means over them."""

    trained: tuple[Trained, ...]  # by seed, then by fold
    gap: Gap | None = None  # to the winner; None: not compared
    rung: int = 0  # the last rung of halving that it reached
    pruned: bool = False  # halving stopped it before its end: its metrics are of its last epoch

    @property
    def combination(self) -> Combination:
        return self.trained[0].combination

    @property
    def seeds(self) -> int:
        return len({run.seed for run in self.trained})

    @property
    def diverged(self) -> bool:
        return any(run.diverged for run in self.trained)

    @property
    def within_noise(self) -> bool:
        """Whether it may be as good as the winner."""
        return self.gap is not None and self.gap.within_noise

    @property
    def val_accuracy(self) -> float:
        return fmean(run.val_accuracy or 0.0 for run in self.trained)

    @property
    def val_loss(self) -> float:
        return fmean(math.inf if run.val_loss is None else run.val_loss for run in self.trained)

    @property
    def val_cross_entropy(self) -> float:
        """Unregularised, comparable between α."""
        return fmean(math.inf if run.val_cross_entropy is None else run.val_cross_entropy for run in self.trained)

    def goodness(self, select_by: MetricName) -> float:
        """One of `METRICS`, negated if lower is better; −∞ if it diverged."""
        if self.diverged:
            return -math.inf
        return fmean(goodness(run, select_by) for run in self.trained)

    def by_fold(self, select_by: MetricName) -> list[float]:
        """`goodness` on each fold, means over the seeds."""
        folds: dict[int | None, list[float]] = {}
        for run in self.trained:
            folds.setdefault(run.fold, []).append(goodness(run, select_by))
        return [fmean(figures) for figures in folds.values()]

    @property
    def spread(self) -> dict[str, float]:
        """The standard deviations of its metrics over seeds and folds; {} for one training or if it diverged."""
        if len(self.trained) < 2 or self.diverged:
            return {}
        names = ("val_accuracy", "val_cross_entropy", "val_loss")
        return {name: stdev(getattr(run, name) for run in self.trained) for name in names}

    @property
    def best_epoch(self) -> int:
        return round(fmean(run.best_epoch for run in self.trained))


def candidates(trained: Iterable[Trained], rung: int = 0) -> list[Candidate]:
    """One candidate for each combination, in the order in which they first occur."""
    grouped: dict[Combination, list[Trained]] = {}
    for run in trained:
        grouped.setdefault(run.combination, []).append(run)
    return [Candidate(trained=tuple(runs), rung=rung) for runs in grouped.values()]


def with_pruned(every: Sequence[Candidate]) -> list[Candidate]:
    """The same candidates; those that halving stopped, on an earlier rung than the last, are marked."""
    last = max(candidate.rung for candidate in every)
    return [
        one.model_copy(update={"pruned": one.rung < last and not all(run.ended for run in one.trained)})
        for one in every
    ]


def ranked(selection: Selection, every: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The candidates in the selected order, best first."""
    of = {candidate.combination: candidate for candidate in every}
    return tuple(of[place.combination].model_copy(update={"gap": place.gap}) for place in selection.places)


def rank(candidate: Candidate, select_by: MetricName) -> tuple[float, ...]:
    """The sort key: later rungs first, then by the mean metric over seeds and folds.

    Ties are broken by cross-entropy, then by accuracy. Candidates that diverged are last.
    """
    figures = (-candidate.goodness(select_by), candidate.val_cross_entropy, -candidate.val_accuracy)
    return (candidate.diverged, -candidate.rung, *figures)


def goodness(run: Trained, select_by: MetricName) -> float:
    """One of `METRICS` on the validation rows, negated if lower is better."""
    assert run.judged is not None
    rows, predicted, correct = np.array(run.judged.counts).T
    return float(METRICS[select_by].goodness(Counted(rows, predicted, correct, np.asarray(run.val_cross_entropy))))
