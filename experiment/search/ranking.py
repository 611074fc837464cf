"""Candidates (combinations with all their seeds) and their order."""

import math
from collections.abc import Sequence
from itertools import groupby
from statistics import fmean, stdev

import numpy as np

from experiment.axes import Combination
from experiment.counts import Counted
from experiment.metrics import METRICS, MetricName
from experiment.results.selection import Gap, Selection
from experiment.results.trained import Trained
from experiment.values import Frozen


class Candidate(Frozen):
    """One combination with all its seeds; metrics are means over them."""

    combination: Combination
    trained: tuple[Trained, ...]
    gap: Gap | None = None  # to the winner; None: not compared
    rung: int = 0  # the last rung of halving that it reached
    pruned: bool = False  # halving stopped it before its end: its metrics are of its last epoch

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
        return fmean(float(METRICS[select_by].goodness(counted(run))) for run in self.trained)

    @property
    def spread(self) -> dict[str, float]:
        """The standard deviations of its metrics over the seeds; {} for one seed or if it diverged."""
        if len(self.trained) < 2 or self.diverged:
            return {}
        names = ("val_accuracy", "val_cross_entropy", "val_loss")
        return {name: stdev(getattr(run, name) for run in self.trained) for name in names}

    @property
    def best_epoch(self) -> int:
        return round(fmean(run.best_epoch for run in self.trained))


def candidates(trained: Sequence[Trained], rungs: Sequence[int] = ()) -> list[Candidate]:
    """One candidate for each combination; the trainings of a combination are adjacent in `trained`.

    Parameters
    ----------
    rungs : the last rung of each combination; (): all trained to their end
    """
    grouped = [(combination, tuple(runs)) for combination, runs in groupby(trained, key=lambda run: run.combination)]
    rungs = rungs or [0] * len(grouped)
    last = max(rungs, default=0)
    return [
        Candidate(
            combination=combination,
            trained=runs,
            rung=rung,
            pruned=rung < last and not all(run.ended for run in runs),
        )
        for (combination, runs), rung in zip(grouped, rungs, strict=True)
    ]


def ranked(selection: Selection, trained: Sequence[Trained], rungs: Sequence[int] = ()) -> tuple[Candidate, ...]:
    """The candidates in the selected order, best first."""
    unordered = candidates(trained, rungs)
    return tuple(unordered[at].model_copy(update={"gap": selection.gaps[at]}) for at in selection.order)


def rank(candidate: Candidate, select_by: MetricName) -> tuple[float, ...]:
    """The sort key: later rungs first, then by the mean metric over the seeds.

    Ties are broken by cross-entropy, then by accuracy. Candidates that diverged are last.
    """
    figures = (-candidate.goodness(select_by), candidate.val_cross_entropy, -candidate.val_accuracy)
    return (candidate.diverged, -candidate.rung, *figures)


def counted(run: Trained) -> Counted:
    """The counts of a training on the validation rows."""
    assert run.judged is not None
    rows, predicted, correct = np.array(run.judged.counts).T
    return Counted(rows, predicted, correct, np.asarray(run.val_cross_entropy))
