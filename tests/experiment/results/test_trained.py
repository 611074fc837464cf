import numpy as np
from sklearn.metrics import confusion_matrix

from experiment.results.trained import class_counts


def test_counts_by_class_are_the_margins_and_the_diagonal_of_the_confusion_matrix():
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 4, 60), rng.integers(0, 5, 60)  # of class 4 there are no rows
    matrix = confusion_matrix(labels, predicted, labels=range(6))  # and of class 5 nothing
    expected = zip(matrix.sum(axis=1), matrix.sum(axis=0), matrix.diagonal(), strict=True)
    assert class_counts(labels, predicted, 6) == tuple(expected)
