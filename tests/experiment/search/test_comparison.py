"""The comparison with the best: its error against the paired formula, its claims where nothing and much is true."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiment.search import comparison
from experiment.search.comparison import (
    compared,
    compared_on_folds,
    may_be_best,
    may_be_equal,
    may_be_equal_on_folds,
    standard_errors,
)
from tests.report.rankings import drawn


def resampled(right):
    """Accuracies of models that have these rows right, and on resamples: (k,), (k, resamples)."""
    return right.mean(axis=1), right.astype(np.float32) @ drawn(right.shape[1])


@pytest.mark.parametrize("rows", [60, 3000])
def test_the_error_is_the_paired_one(rows):
    rng = np.random.default_rng(rows)
    hard = rng.uniform(size=rows)
    right = rng.uniform(size=(3, rows)) < 1 - hard * np.array([[0.3], [0.4], [0.5]])
    figures, again = resampled(right)
    for gap, other in zip(compared(figures.tolist(), again), right, strict=True):
        differences = right[0].astype(float) - other
        assert gap.difference == pytest.approx(differences.mean())
        assert gap.standard_error == pytest.approx(differences.std() / rows**0.5, rel=0.12)


def test_standard_errors_are_the_deviations_of_the_differences():
    rng = np.random.default_rng(0)
    deviations = rng.standard_normal(50) + 0.3 * rng.standard_normal((4, 50))
    expected = [[np.std(one - other, ddof=1) for other in deviations] for one in deviations]
    np.testing.assert_allclose(standard_errors(deviations), expected, rtol=1e-9)


def test_of_equal_models_none_is_told_from_the_best_in_95_of_100_cases():
    told = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        rows = (30, 100, 300)[seed % 3]
        shared = rng.uniform(size=rows) < 0.85  # half of the time they differ in few rows
        differ = rng.uniform(size=(12, rows)) < (0.05 if seed % 2 else 1)
        right = np.where(differ, rng.uniform(size=(12, rows)) < 0.85, shared)
        told += not may_be_best(*resampled(right)).all()
    assert told <= 10


def test_the_best_of_unequal_models_is_kept_in_95_of_100_cases():
    kept, bad = 0, 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        right = rng.uniform(size=(12, 400)) < np.array([0.9] + [0.88] * 5 + [0.6] * 6)[:, None]
        near = may_be_best(*resampled(right))
        kept += near[0]
        bad += near[6:].any()
    assert kept >= 95
    assert bad == 0


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(20, 200), st.integers(1, 5000))
def test_it_is_what_its_definition_says_however_much_is_computed_at_a_time(seed, k, rows, numbers):
    rng = np.random.default_rng(seed)
    right = rng.uniform(size=(k, rows)) < rng.uniform(0.6, 0.95, size=(k, 1))
    figures, again = resampled(right[rng.integers(k, size=k)])  # some of them twice
    deviations = again - figures[:, None]
    with patch.object(comparison, "NUMBERS_AT_A_TIME", numbers):
        near = may_be_best(figures, again)
    if may_be_equal(figures, deviations):
        assert near.all()
        return
    for i in range(k):
        differences = np.array([other - deviations[i] for other in deviations])
        errors, leads = differences.std(axis=1, ddof=1), figures - figures[i]
        differ = errors > 1e-6
        lead = (leads[differ] / errors[differ]).max(initial=0) * (1 - 1e-5)
        chance = (differences[differ] / errors[differ, None]).max(axis=0, initial=0)
        same_but_worse = leads[~differ].max(initial=0) > 1e-9
        assert near[i] == (not same_but_worse and (lead <= 0 or np.mean(chance >= lead) > 0.05 + 1e-9))


def test_what_says_the_same_of_every_row_is_as_good():
    right = np.array([[True] * 40, [True] * 40, [False] * 40, [True] * 39 + [False]])
    assert may_be_best(*resampled(right)).tolist() == [True, True, False, True]
    assert may_be_best(*resampled(right[:1])).tolist() == [True]
    assert may_be_best(*resampled(right[:2])).all()


def test_it_is_two_sided_in_the_figure_that_selected():
    """A model with less loss is behind the winner by loss only if its loss is greater, whatever its accuracy."""
    losses = np.abs(np.random.default_rng(0).normal(1, 0.1, size=(2, 500)))
    losses[1] += 1
    best, other = compared((-losses.mean(axis=1)).tolist(), -losses @ drawn(500))
    assert best.within_noise
    assert not other.within_noise
    assert other.difference == pytest.approx(1, abs=0.05)


def test_the_error_on_folds_is_nadeau_and_bengios_and_the_verdict_their_t_test():
    rng = np.random.default_rng(0)
    figures = rng.normal([[0.9], [0.88], [0.86], [0.7]], 0.02, (4, 10))
    trained, validated = 90, 10
    gaps = compared_on_folds(figures, 1 / 10 + validated / trained)
    for gap, other in zip(gaps[1:], figures[1:], strict=True):
        d = figures[0] - other
        t = d.mean() / np.sqrt((1 / 10 + validated / trained) * d.var(ddof=1))  # their equation in section 4.2
        assert gap.difference == pytest.approx(d.mean())
        assert gap.difference / gap.standard_error == pytest.approx(t)
        assert gap.within_noise == (stats.t.sf(t, df=9) > 0.05 / 3)  # three comparisons
    assert [gap.within_noise for gap in gaps] == [True, True, False, False]


def folds_of(rng, models, folds, overlap):
    """Figures of equal models, where the training rows that folds share correlate them as Nadeau and Bengio assume."""
    own, common = rng.standard_normal((models, folds)), rng.standard_normal((models, 1))
    return np.sqrt(1 - overlap) * own + np.sqrt(overlap) * common


def test_on_folds_two_models_are_compared_by_the_paired_t_test():
    for seed in range(60):
        one, other = np.random.default_rng(seed).normal([[0.0], [1.0]], 1.0, (2, 6))
        equal = stats.ttest_rel(one, other).pvalue > 0.05
        assert may_be_equal_on_folds(np.array([one, other]), 1 / 6) == equal, seed


def test_on_folds_equal_models_are_told_apart_in_5_of_100_cases_at_most():
    told, kept, bad = 0, 0, 0
    for seed in range(300):
        rng, factor = np.random.default_rng(seed), 1 / 10 + 1 / 9
        figures = folds_of(rng, 12, 10, 0.1)
        told += not all(gap.within_noise for gap in compared_on_folds(in_order(figures), factor))
        figures = folds_of(rng, 12, 10, 0.1) + np.array([0.3] + [0.0] * 5 + [-5.0] * 6)[:, None]
        order = np.argsort(-figures.mean(axis=1))
        near = [gap.within_noise for gap in compared_on_folds(figures[order], factor)]
        kept += near[list(order).index(0)]
        bad += any(near[6:])
    assert told <= 15
    assert kept >= 285
    assert bad <= 3


def in_order(figures):
    return figures[np.argsort(-figures.mean(axis=1))]


@pytest.mark.parametrize(
    ("figures", "near"),
    [
        ([[0.9, 0.8]], [True]),
        ([[0.9, 0.8], [0.9, 0.8]], [True, True]),
        ([[0.9, 0.8], [0.8, 0.7]], [True, False]),  # by the same on each fold
    ],
)
def test_on_folds_models_without_any_spread_are_equal_or_not(figures, near):
    assert [gap.within_noise for gap in compared_on_folds(np.array(figures), 1.0)] == near
