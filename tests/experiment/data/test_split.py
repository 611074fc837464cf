import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from experiment.data.split import split_rows
from experiment.errors import DataError


@given(st.integers(20, 200), st.floats(0.2, 0.8), st.integers(0, 2**32 - 1))
def test_the_rows_are_those_of_scikit_learn_applied_to_the_data_itself(n, fraction, seed):
    labels = np.arange(n) // n  # a single class: no side can lack one
    images = np.random.default_rng(0).standard_normal((n, 3))
    train, validation = train_test_split(images, test_size=fraction, random_state=seed)
    rows = split_rows(labels, fraction, seed)
    np.testing.assert_array_equal(images[rows.train], train)
    np.testing.assert_array_equal(images[rows.validation], validation)
    np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(n))


@pytest.mark.parametrize(
    ("labels", "fraction", "words"),
    [
        ([0, 1, 0, 1], 0.9, "nothing to train on"),
        ([0] * 50 + [1], 0.02, "nothing to validate on of class"),
        ([0] * 50 + [1], 0.97, "nothing to train on of class"),
    ],
)
def test_a_split_that_leaves_a_side_or_a_class_empty_is_refused(labels, fraction, words):
    with pytest.raises(DataError, match=words) as refused:
        split_rows(np.array(labels), fraction, 0)
    assert "validation_fraction" in str(refused.value)
