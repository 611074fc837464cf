"""Step 2: the training rows in two, one part to train on and one to validate on."""

from execution.steps.run import Run
from execution.steps.step import step
from experiment.baseline import class_frequencies
from experiment.data.split import split_rows
from experiment.results.examples import TrainingSet
from experiment.results.split import Split


@step("split")
def split(run: Run, training: TrainingSet, validation_fraction: float, seed: int) -> Split:
    """Two arrays of row indices; no image is copied."""
    labels = run.open(training.labels)
    rows = split_rows(labels, **run.config)
    baseline = class_frequencies(labels[rows.train], labels[rows.validation])
    run.summarize(train_rows=len(rows.train), validation_rows=len(rows.validation))
    return Split(train=run.put(rows.train), validation=run.put(rows.validation), baseline=baseline)
