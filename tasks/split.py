"""Step 2: split the training rows into a training part and a validation part."""

from statistics import fmean

from execution.steps.run import Run
from execution.steps.step import step
from experiment.data.split import fold_rows, split_rows, stratified_rows
from experiment.results.split import Baseline, Fold, Split, class_frequencies
from experiment.values import TrainingSet


@step("split")
def split(
    run: Run, training: TrainingSet, validation_fraction: float, seed: int, stratify: bool, folds: int, repeats: int
) -> Split:
    """Row indices of the training part and the validation part of each fold. No image is copied.

    Folds are stratified; a single split (1 fold) is if `stratify`.
    """
    labels = run.open(training.labels)
    if folds > 1:
        parts = fold_rows(labels, folds, repeats, seed)
    else:
        parts = [(stratified_rows if stratify else split_rows)(labels, validation_fraction, seed)]
    baselines = [class_frequencies(labels[rows.train], labels[rows.held_out]) for rows in parts]
    run.tracker.summarize(train_rows=len(parts[0].train), validation_rows=len(parts[0].held_out))
    return Split(
        folds=tuple(Fold(train=run.put(rows.train), validation=run.put(rows.held_out)) for rows in parts),
        repeats=repeats,
        rare=parts[0].rare,
        baseline=Baseline(
            accuracy=fmean(baseline.accuracy for baseline in baselines),
            cross_entropy=fmean(baseline.cross_entropy for baseline in baselines),
        ),
    )
