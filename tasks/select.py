"""Step 6: rank the combinations by what they did on the validation rows."""

import numpy as np
from numpy.typing import NDArray

from execution.steps.run import Run
from execution.steps.step import step
from experiment.errors import EveryCombinationDiverged
from experiment.results.selection import Selection
from experiment.results.split import Split
from experiment.results.trained import Trained
from experiment.search.comparison import accuracy_gap
from experiment.search.ranking import Candidate, candidates, rank


@step("select")
def select(run: Run, trained: list[Trained], split: Split, select_by: str, rungs: list[int]) -> Selection:
    """By mean validation accuracy (or cross-entropy) over the seeds, ties by the other one, then by order in the grid.

    Parameters
    ----------
    rungs : how far each combination came while halving: those that came further are ahead

    Raises
    ------
    EveryCombinationDiverged
    """
    every = candidates(trained, rungs)
    order = sorted(range(len(every)), key=lambda position: rank(every[position], run.config["select_by"]))
    best = every[order[0]]
    if best.diverged:
        raise EveryCombinationDiverged(
            f"each of the {len(every)} combinations diverged: its loss stopped being finite. "
            "Try smaller learning rates."
        )
    (rows,) = split.validation.shape
    winner = correct(run, best, rows)
    compared = [None if other.diverged else accuracy_gap(winner, correct(run, other, rows)) for other in every]
    run.summarize(combinations=len(every), **best.combination.model_dump())
    run.summarize(val_accuracy=best.val_accuracy, val_cross_entropy=best.val_cross_entropy, val_loss=best.val_loss)
    return Selection(order=tuple(order), behind=tuple(compared))


def correct(run: Run, candidate: Candidate, rows: int) -> NDArray[np.bool_]:
    """Return which validation rows a candidate has right: (seeds, rows)."""
    packed = [run.open(trained.correct) for trained in candidate.trained if trained.correct]
    return np.unpackbits(np.stack(packed), axis=1, count=rows).astype(bool)
