"""Step 6: rank the combinations by their validation metrics."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from execution.steps.run import Run
from execution.steps.step import step
from experiment.errors import EveryCombinationDiverged
from experiment.metrics import METRICS, MetricName
from experiment.resampling import Resampled, resamples
from experiment.results.selection import Place, Selection
from experiment.results.split import Fold, Split
from experiment.search.comparison import Floats, compared, compared_on_folds
from experiment.search.ranking import Candidate, rank
from experiment.values import ArrayRef


@step("select")
def select(
    run: Run, candidates: list[Candidate], split: Split, labels: ArrayRef | None, select_by: MetricName
) -> Selection:
    """The ranking by the mean of a metric over seeds and folds; ties by cross-entropy, accuracy, then the given order.

    EveryCombinationDiverged if none is left. `labels` : of the training set; None: no comparison, as halving continues
    """
    select_by = run.config["select_by"]
    ranking = sorted(candidates, key=lambda candidate: rank(candidate, select_by))
    best = ranking[0]
    if best.diverged:
        raise EveryCombinationDiverged(
            f"each of the {len(candidates)} combinations diverged: the loss is not finite. Try smaller learning rates."
        )
    figures = {name: getattr(best, name) for name in ("val_accuracy", "val_cross_entropy", "val_loss")}
    run.tracker.summarize(combinations=len(candidates), **best.combination.model_dump(), **figures)
    if labels is None:
        return Selection(places=tuple(Place(combination=one.combination) for one in ranking), resampled=None)
    judged = [one for one in ranking if not one.diverged and not one.pruned]
    samples = resampled(run, judged, split, run.open(labels), {select_by, "val_accuracy"})
    if len(split.folds) == 1:
        differences = compared([one.goodness(select_by) for one in judged], samples[select_by])
    else:
        on_folds = np.array([one.by_fold(select_by) for one in judged])
        differences = compared_on_folds(on_folds, split.variance_factor)
    gaps = {one.combination: gap for one, gap in zip(judged, differences, strict=True)}
    accuracies = np.full((len(ranking), samples["val_accuracy"].shape[1]), np.nan, dtype=np.float32)
    accuracies[[one.combination in gaps for one in ranking]] = samples["val_accuracy"]
    places = (Place(combination=one.combination, gap=gaps.get(one.combination)) for one in ranking)
    return Selection(places=tuple(places), resampled=run.put(accuracies))


def resampled(
    run: Run, compared: Sequence[Candidate], split: Split, labels: NDArray[np.integer], metrics: set[MetricName]
) -> dict[MetricName, Floats]:
    """The candidates' metrics on resamples of the validation rows, by metric: means over the seeds, higher is better.

    With folds the rows are all that are validated on, and each fold has the same weight.
    """
    numbered = iter(split.numbered.items())
    repeats = [dict(islice(numbered, split.judge.folds)) for _ in range(split.repeats)]
    predicted = [predictions(run, compared, folds, labels) for folds in repeats]
    blocks: dict[MetricName, list[Floats]] = {name: [] for name in metrics}
    for drawn in resamples(split.judge.rows):
        counts = [counted(drawn * weights[:, None]) for counted, weights in predicted]
        for name, parts in blocks.items():
            figures = np.mean([METRICS[name].goodness(one) for one in counts], axis=0)
            parts.append(figures.reshape(len(compared), -1, drawn.shape[1]).mean(axis=1))
    return {name: np.concatenate(parts, axis=1) for name, parts in blocks.items()}


def predictions(
    run: Run, compared: Sequence[Candidate], folds: Mapping[int | None, Fold], labels: NDArray[np.integer]
) -> tuple[Callable[[NDArray[np.float32]], Resampled], NDArray[np.float32]]:
    """`Resampled`, but for how often each row is drawn, of all models on the validation rows of a repeat.

    A model is a candidate with a seed. The rows' weights (n,) have mean 1 and the same sum in each fold.
    """
    rows = [run.open(fold.validation) for fold in folds.values()]
    validated = np.concatenate(rows)
    order = np.argsort(validated) if len(rows) > 1 else np.arange(len(validated))  # the same rows in each repeat
    weights = np.concatenate([np.full(len(part), len(validated) / len(rows) / len(part)) for part in rows])
    models = []
    for candidate in compared:
        of = {(one.seed, one.fold): one.judged for one in candidate.trained if one.judged}
        models += [[of[seed, number] for number in folds] for seed in dict.fromkeys(seed for seed, _ in of)]
    predicted = [np.concatenate([run.open(one.predicted) for one in model])[order] for model in models]
    losses = [np.concatenate([run.open(one.losses) for one in model])[order] for model in models]
    classes, true = len(models[0][0].counts), labels[validated][order]
    return partial(Resampled, true, np.stack(predicted), np.stack(losses), classes), weights[order].astype(np.float32)
