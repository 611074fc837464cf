"""Step 6: rank the combinations by their validation metrics."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from execution.steps.run import Run
from execution.steps.step import step
from experiment.errors import EveryCombinationDiverged
from experiment.metrics import METRICS, MetricName
from experiment.resampling import Resampled, resamples
from experiment.results.selection import Selection
from experiment.results.split import Split
from experiment.results.trained import Trained
from experiment.search.comparison import Floats, compared
from experiment.search.ranking import Candidate, candidates, rank
from experiment.values import ArrayRef


@step("select")
def select(
    run: Run, trained: list[Trained], split: Split, labels: ArrayRef | None, select_by: MetricName, rungs: list[int]
) -> Selection:
    """The order by the mean of a metric over the seeds; ties by cross-entropy, accuracy, then order in the grid.

    Parameters
    ----------
    labels : the labels of the training set; None: no comparison, because halving continues
    rungs : the last rung of each combination; later rungs rank higher

    Raises
    ------
    EveryCombinationDiverged
    """
    every, select_by = candidates(trained, rungs), run.config["select_by"]
    order = sorted(range(len(every)), key=lambda position: rank(every[position], select_by))
    best = every[order[0]]
    if best.diverged:
        raise EveryCombinationDiverged(
            f"each of the {len(every)} combinations diverged: the loss is not finite. Try smaller learning rates."
        )
    run.tracker.summarize(combinations=len(every), **best.combination.model_dump())
    run.tracker.summarize(
        val_accuracy=best.val_accuracy, val_cross_entropy=best.val_cross_entropy, val_loss=best.val_loss
    )
    if labels is None:
        return Selection(order=tuple(order), gaps=(None,) * len(every), resampled=None)
    judged = [position for position in order if not every[position].diverged and not every[position].pruned]
    true = run.open(labels)[run.open(split.validation)]
    figures = resampled(run, [every[position] for position in judged], true, {select_by, "val_accuracy"})
    compared_gaps = compared([every[position].goodness(select_by) for position in judged], figures[select_by])
    gaps = dict(zip(judged, compared_gaps, strict=True))
    accuracies = np.full((len(every), figures["val_accuracy"].shape[1]), np.nan, dtype=np.float32)
    accuracies[judged] = figures["val_accuracy"]
    return Selection(
        order=tuple(order),
        gaps=tuple(gaps.get(position) for position in range(len(every))),
        resampled=run.put(accuracies[order]),
    )


def resampled(
    run: Run, compared: Sequence[Candidate], labels: NDArray[np.integer], metrics: set[MetricName]
) -> dict[MetricName, Floats]:
    """The candidates' metrics on resamples of the rows, by metric: means over the seeds, higher is better."""
    judged = [one.judged for candidate in compared for one in candidate.trained if one.judged]
    predictions = np.stack([run.open(one.predicted) for one in judged])
    losses = np.stack([run.open(one.losses) for one in judged])
    blocks: dict[MetricName, list[Floats]] = {name: [] for name in metrics}
    for drawn in resamples(len(labels)):
        counts = Resampled(labels, predictions, losses, len(judged[0].counts), drawn)
        for name, parts in blocks.items():
            parts.append(METRICS[name].goodness(counts).reshape(len(compared), -1, drawn.shape[1]).mean(axis=1))
    return {name: np.concatenate(parts, axis=1) for name, parts in blocks.items()}
