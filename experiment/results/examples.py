"""References to images and labels."""

from experiment.values import ArrayRef, Frozen


class Examples(Frozen):
    """n images and their labels."""

    images: ArrayRef  # (n, m)
    labels: ArrayRef  # (n,) int64 in 0 … c − 1


class TrainingSet(Examples):
    """The training rows, which every step may use."""


class TestSet(Examples):
    """The test rows, which only the evaluate step may use."""

    __test__ = False  # not a pytest class
    rows: ArrayRef | None = None  # (n,) int64 rows of the user's file; None: all, in order
