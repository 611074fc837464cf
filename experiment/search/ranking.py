"""Combinations under all their seeds, and their order."""

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
    """One combination under all its seeds; figures are means over them."""

    combination: Combination
    trained: tuple[Trained, ...]
    behind: Gap | None = None  # the winner, once they were compared
    rung: int = 0  # how far it came while halving
    pruned: bool = False  # it had not ended when others went on: its figures are of where it stood

    @property
    def diverged(self) -> bool:
        return any(run.diverged for run in self.trained)

    @property
    def within_noise(self) -> bool:
        """Whether it may be as good as the winner."""
        return self.behind is not None and self.behind.within_noise

    @property
    def val_accuracy(self) -> float:
        return fmean(run.val_accuracy or 0.0 for run in self.trained)

    @property
    def val_loss(self) -> float:
        return fmean(math.inf if run.val_loss is None else run.val_loss for run in self.trained)

    @property
    def val_cross_entropy(self) -> float:
        """Unregularised, so that it can be compared between α."""
        return fmean(math.inf if run.val_cross_entropy is None else run.val_cross_entropy for run in self.trained)

    def goodness(self, select_by: MetricName) -> float:
        """Its figure by one of `METRICS`, turned round where less is better; −∞ if it diverged."""
        if self.diverged:
            return -math.inf
        return fmean(float(METRICS[select_by].goodness(counted(run))) for run in self.trained)

    @property
    def spread(self) -> dict[str, float]:
        """The standard deviations over the seeds of what its figures are means of; {} under one seed."""
        if len(self.trained) < 2 or self.diverged:
            return {}
        names = ("val_accuracy", "val_cross_entropy", "val_loss")
        return {name: stdev(getattr(run, name) for run in self.trained) for name in names}

    @property
    def best_epoch(self) -> int:
        return round(fmean(run.best_epoch for run in self.trained))


def candidates(trained: Sequence[Trained], rungs: Sequence[int] = ()) -> list[Candidate]:
    """Return one for each combination; the runs of a combination stand side by side in `trained`.

    Parameters
    ----------
    rungs : how far each combination came; () if all came to their end
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
    """Return the candidates, best first: what was selected, by these very trainings."""
    every = candidates(trained, rungs)
    return tuple(every[at].model_copy(update={"behind": selection.behind[at]}) for at in selection.order)


def rank(candidate: Candidate, select_by: MetricName) -> tuple[float, ...]:
    """Return a sort key: those first that came further, by the mean figure over the seeds.

    Ties are broken by cross-entropy, then by accuracy; those that diverged are last.
    """
    figures = (-candidate.goodness(select_by), candidate.val_cross_entropy, -candidate.val_accuracy)
    return (candidate.diverged, -candidate.rung, *figures)


def counted(run: Trained) -> Counted:
    """What a training's figures are made of."""
    assert run.judged is not None
    rows, predicted, correct = np.array(run.judged.counts).T
    return Counted(rows, predicted, correct, np.asarray(run.val_cross_entropy))
