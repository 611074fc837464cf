"""Precision, recall, F1 against scikit-learn; calibration against its definition, and its interval against itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from experiment.scores import BINS, calibration, class_scores


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_scores_of_classes_are_scikit_learns_and_none_where_it_divides_by_zero(rows):
    true, said = np.array(rows).T
    found = class_scores(confusion_matrix(true, said, labels=range(5)))
    *expected, support = precision_recall_fscore_support(true, said, labels=range(5), zero_division=np.nan)
    for name, column in zip(("precision", "recall", "f1"), expected, strict=True):
        values = [np.nan if (value := getattr(one, name)) is None else value for one in found]
        np.testing.assert_allclose(values, column)
    assert [one.rows for one in found] == support.tolist()


@settings(max_examples=30)
@given(st.integers(1, 300), st.integers(0, 99))
def test_the_calibration_error_is_the_mean_distance_of_accuracy_and_confidence(n, seed):
    rng = np.random.default_rng(seed)
    confidence = rng.choice([rng.uniform(size=n), np.ones(n), np.full(n, 0.3)])
    correct = rng.uniform(size=n) < 0.6
    found = calibration(confidence, correct)
    places = np.clip(np.ceil(confidence * BINS - 1e-12), 1, BINS)  # by the upper edge, here
    error = sum(abs(correct[places == k].sum() - confidence[places == k].sum()) for k in set(places)) / n
    assert found.error == pytest.approx(error, abs=1e-6)
    assert sum(one.rows for one in found.bins) == n
    for one in found.bins:
        assert one.confidence is None or one.low - 1e-6 <= one.confidence <= one.high + 1e-6


@pytest.mark.parametrize("overconfident", [0.0, 0.2])
def test_the_interval_of_the_calibration_error_has_the_true_one(overconfident):
    rng = np.random.default_rng(1)
    covered, beyond_0 = [], []
    for _ in range(25):
        confidence = rng.uniform(0.5, 1, size=300)
        low, high = calibration(confidence, rng.uniform(size=300) < confidence - overconfident).interval
        covered.append(low <= overconfident <= high)
        beyond_0.append(low > 0)
    assert sum(covered) >= 22
    assert sum(beyond_0) == 25 if overconfident else sum(beyond_0) <= 3
