"""Rows of images and labels, as steps hand them on."""

from experiment.values import ArrayRef, Frozen


class Examples(Frozen):
    """n rows of images and their labels."""

    images: ArrayRef  # (n, m)
    labels: ArrayRef  # (n,) int64 in 0 … c − 1


class TrainingSet(Examples):
    """What every step may see."""


class TestSet(Examples):
    """Handed to the evaluate step alone."""

    __test__ = False  # not a pytest class
    rows: ArrayRef | None = None  # (n,) int64 in the user's file; None: all of it, in its order
