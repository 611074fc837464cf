"""The result of `split`."""

from experiment.values import ArrayRef, Frozen, Result


class Baseline(Frozen):
    """Metrics of always predicting the class frequencies of the training rows."""

    accuracy: float
    cross_entropy: float


class Split(Result):
    """Row indices into the training set: two disjoint int64 arrays that cover it."""

    train: ArrayRef
    validation: ArrayRef
    rare: tuple[int, ...] = ()  # classes with too few rows to be validated on
    baseline: Baseline  # on the validation rows
