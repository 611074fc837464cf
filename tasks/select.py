"""Step 6: rank the combinations by what they did on the validation rows."""

from itertools import groupby

from prefect import task

from experiment.caching import determined_by
from experiment.config import Execution
from experiment.results import Candidate, Selection, Trained
from experiment.tracking import tracked


class EveryCombinationDiverged(RuntimeError):
    """There is nothing to select."""


@task(
    task_run_name="select",
    tags=["sweep"],
    cache_policy=determined_by("experiment.results"),
    result_serializer="json",
)
def select(trained: list[Trained], select_by: str, execution: Execution) -> Selection:
    """By mean validation accuracy (or loss) over the seeds, ties by the other one, then by order in the grid.

    Raises
    ------
    EveryCombinationDiverged
    """
    candidates = [
        Candidate(combination=combination, trained=tuple(runs))
        for combination, runs in groupby(trained, key=lambda run: run.combination)
    ]

    def rank(candidate: Candidate) -> tuple[float, ...]:
        by_accuracy = (-candidate.val_accuracy, candidate.val_loss)
        order = by_accuracy if select_by == "val_accuracy" else by_accuracy[::-1]
        return (candidate.diverged, *order)

    with tracked(execution, "select", {"select_by": select_by, "combinations": len(candidates)}) as run:
        selection = Selection(ranking=tuple(sorted(candidates, key=rank)))
        best = selection.best
        if best.diverged:
            raise EveryCombinationDiverged(
                f"each of the {len(candidates)} combinations diverged: its loss stopped being finite. "
                "Try smaller learning rates."
            )
        run.summary.update(
            {**best.combination.model_dump(), "val_accuracy": best.val_accuracy, "val_loss": best.val_loss}
        )
        return selection
