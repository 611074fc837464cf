"""Replay: what a cheaper search would have found, from the curves of combinations that were trained to their end.

No training depends on another one, and the decisions are made by the functions of a real search. So the outcome is that
of running the search, to the bit. Syne Tune's simulator does the same from tables (Salinas et al., AutoML 2022).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiment.axes import Combination
from experiment.config import Experiment
from experiment.errors import InputError
from experiment.results.trained import Trained
from experiment.search.halving import promoted
from experiment.search.ranking import Candidate, candidates, rank
from experiment.search.sampling import draw
from softmax.sgd import Metrics

# Metrics that a curve has for every epoch; others are known of the best epoch only.
OF_EACH_EPOCH = ("val_accuracy", "val_loss")


class Recorded(NamedTuple):
    """A training that ran to its end."""

    trained: Trained
    history: NDArray[np.float64]  # (epochs, 5): the columns of `Metrics`

    def until(self, epoch: int | None, patience: int | None) -> Trained:
        """The result of the training if it had paused after this epoch; its arrays remain those of the end.

        `patience` : of its recipe; None: no early stopping, so the last epoch is the best.
        """
        if epoch is None or epoch >= len(self.history):
            return self.trained
        rows = [Metrics(*row) for row in self.history[:epoch].tolist()]
        best = rows[-1] if patience is None else min(rows, key=lambda row: row.val_loss)  # the first of equal losses
        found = {name: getattr(best, name) for name in ("val_loss", "val_accuracy", "val_cross_entropy")}
        judged = self.trained.judged
        if judged:  # one class stands for all: accuracy and cross-entropy are known, not the classes' own counts
            n = sum(count for count, *_ in judged.counts)
            judged = judged.model_copy(update={"counts": ((n, n, round(best.val_accuracy * n)),)})
        stood = {"epochs_trained": epoch, "best_epoch": int(best.epoch), "ended": False, "diverged": False}
        return self.trained.model_copy(update={**stood, **found, "judged": judged})


Curves = Mapping[Combination, Sequence[Recorded]]  # one for each seed


def replayed(experiment: Experiment, curves: Curves) -> tuple[Candidate, ...]:
    """The candidates of a search, best first, each as far as it would have been trained.

    InputError: the search would train a combination that has no curve, or select by a metric that curves do not have.
    """
    if len(experiment.rungs) > 1 and experiment.select_by not in OF_EACH_EPOCH:
        raise InputError(
            f"the sweep selects by {experiment.select_by}, and the curves have only "
            f"{' and '.join(OF_EACH_EPOCH)} of every epoch: replay samplers without halving"
        )
    found: list[Candidate] = []
    if experiment.drawn_by is None:
        found = halved(experiment, curves, experiment.combinations)
    for drawn in range(0, experiment.trials or 0, experiment.at_once):
        assert experiment.drawn_by is not None
        ranking = [one.combination for one in ordered(experiment, found)]
        batch = draw(experiment.grid, experiment.drawn_by, experiment.seed, ranking, experiment.at_once)
        found += halved(experiment, curves, batch[: (experiment.trials or 0) - drawn])
    return tuple(ordered(experiment, found))


def halved(experiment: Experiment, curves: Curves, combinations: Sequence[Combination]) -> list[Candidate]:
    """These combinations after successive halving, each with its last rung."""
    for combination in combinations:
        if combination not in curves:
            raise InputError(f"the search would train {combination}, and the sweep did not: give other flags")
    going, found, patience = list(combinations), dict[Combination, Candidate](), experiment.recipe.patience
    for rung, until in enumerate(experiment.rungs):
        runs = [recorded.until(until, patience) for combination in going for recorded in curves[combination]]
        here = candidates(runs, rung)
        found |= {one.combination: one for one in here}
        if all(run.diverged for run in runs):
            break
        if until is not None:
            ranking = [one.combination for one in ordered(experiment, here)]
            going = promoted(going, ranking, experiment.halving or 1)
    return list(found.values())


def ordered(experiment: Experiment, found: Sequence[Candidate]) -> list[Candidate]:
    """Best first; equal ones in the order given."""
    return sorted(found, key=lambda one: rank(one, experiment.select_by))
