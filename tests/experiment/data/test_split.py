import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold, train_test_split

from experiment.data.split import fold_rows, split_rows, stratified_rows
from experiment.errors import DataError


@given(st.integers(20, 200), st.floats(0.2, 0.8), st.integers(0, 2**32 - 1))
def test_the_rows_are_those_of_scikit_learn_applied_to_the_data_itself(n, fraction, seed):
    labels = np.arange(n) // n  # a single class: no side can lack one
    images = np.random.default_rng(0).standard_normal((n, 3))
    train, validation = train_test_split(images, test_size=fraction, random_state=seed)
    rows = split_rows(labels, fraction, seed)
    np.testing.assert_array_equal(images[rows.train], train)
    np.testing.assert_array_equal(images[rows.held_out], validation)
    np.testing.assert_array_equal(np.sort(np.concatenate(rows[:2])), np.arange(n))


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


@given(st.lists(st.integers(0, 40), min_size=2, max_size=6), st.floats(0.1, 0.9), st.integers(0, 2**32 - 1))
def test_strata_are_scikit_learns_and_rare_classes_are_trained_on(counts, fraction, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    common = [k for k, count in enumerate(counts) if count * min(fraction, 1 - fraction) >= 1]
    if not common:
        with pytest.raises(DataError, match="too few to hold out"):
            stratified_rows(labels, fraction, seed)
        return
    rows = stratified_rows(labels, fraction, seed)
    kept = np.flatnonzero(np.isin(labels, common))
    train, held_out = train_test_split(kept, test_size=fraction, random_state=seed, stratify=labels[kept])
    np.testing.assert_array_equal(rows.held_out, held_out)
    np.testing.assert_array_equal(rows.train[: len(train)], train)
    assert set(labels[rows.train[len(train) :]]) == set(rows.rare) == {k for k in set(labels) if k not in common}
    np.testing.assert_array_equal(np.sort(np.concatenate(rows[:2])), np.arange(len(labels)))
    for k in common:
        assert k in labels[rows.train]
        assert k in labels[rows.held_out]


@given(st.lists(st.integers(5, 20), min_size=2, max_size=4), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_folds_are_scikit_learns_and_more_repeats_continue_the_same(counts, folds, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    parts = fold_rows(labels, folds, 2, seed)
    expected = StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels)
    for rows, (train, held_out) in zip(parts[:folds], expected, strict=True):
        np.testing.assert_array_equal(rows.train, train)
        np.testing.assert_array_equal(rows.held_out, held_out)
    for repeat in (parts[:folds], parts[folds:]):
        np.testing.assert_array_equal(np.sort(np.concatenate([rows.held_out for rows in repeat])), range(len(labels)))
        for rows in repeat:
            np.testing.assert_array_equal(np.sort(np.concatenate(rows[:2])), range(len(labels)))
            held = np.bincount(labels[rows.held_out], minlength=len(counts))
            assert np.all(np.abs(held - np.array(counts) / folds) < 1)
    for rows, same in zip(parts, fold_rows(labels, folds, 3, seed), strict=False):
        np.testing.assert_array_equal(rows.held_out, same.held_out)
