"""What `split` returns."""

from experiment.values import ArrayRef, Frozen, Result


class Baseline(Frozen):
    """What always answering with the class frequencies of the rows trained on gives on other rows."""

    accuracy: float
    cross_entropy: float


class Split(Result):
    """Row indices into the training set: two disjoint int64 arrays that together cover it."""

    train: ArrayRef
    validation: ArrayRef
    rare: tuple[int, ...] = ()  # classes with too few rows to be validated on
    baseline: Baseline  # on the validation rows
