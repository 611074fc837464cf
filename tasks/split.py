"""Step 2: split the training rows into a training part and a validation part."""

from execution.steps.run import Run
from execution.steps.step import step
from experiment.baseline import class_frequencies
from experiment.data.split import split_rows, stratified_rows
from experiment.results.examples import TrainingSet
from experiment.results.split import Split


@step("split")
def split(run: Run, training: TrainingSet, validation_fraction: float, seed: int, stratify: bool) -> Split:
    """Row indices of the two parts, stratified for the user's own data. No image is copied."""
    labels = run.open(training.labels)
    rows = (stratified_rows if stratify else split_rows)(labels, validation_fraction, seed)
    baseline = class_frequencies(labels[rows.train], labels[rows.held_out])
    run.tracker.summarize(train_rows=len(rows.train), validation_rows=len(rows.held_out))
    return Split(train=run.put(rows.train), validation=run.put(rows.held_out), rare=rows.rare, baseline=baseline)
