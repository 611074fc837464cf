"""Step 6: rank the combinations by what they did on the validation rows."""

from execution.run import Run
from execution.step import step
from experiment.errors import EveryCombinationDiverged
from experiment.ranking import candidates, rank
from experiment.results import Selection, Trained


@step("select")
def select(run: Run, trained: list[Trained], select_by: str) -> Selection:
    """By mean validation accuracy (or loss) over the seeds, ties by the other one, then by order in the grid.

    Raises
    ------
    EveryCombinationDiverged
    """
    every = candidates(trained)
    order = sorted(range(len(every)), key=lambda position: rank(every[position], run.config["select_by"]))
    best = every[order[0]]
    if best.diverged:
        raise EveryCombinationDiverged(
            f"each of the {len(every)} combinations diverged: its loss stopped being finite. "
            "Try smaller learning rates."
        )
    run.summarize(combinations=len(every), **best.combination.model_dump())
    run.summarize(val_accuracy=best.val_accuracy, val_loss=best.val_loss)
    return Selection(order=tuple(order))
