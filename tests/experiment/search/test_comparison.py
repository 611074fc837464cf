"""The comparison with the best: its error against the paired formula, its claims where nothing and much is true."""

import numpy as np
import pytest

from experiment.search.comparison import compared, may_be_best
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


def test_the_best_of_unequal_models_is_kept_in_95_of_100_cases_and_bad_ones_are_not():
    kept, bad = 0, 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        right = rng.uniform(size=(12, 400)) < np.array([0.9] + [0.88] * 5 + [0.6] * 6)[:, None]
        near = may_be_best(*resampled(right))
        kept += near[0]
        bad += near[6:].any()
    assert kept >= 95
    assert bad == 0


def test_what_says_the_same_of_every_row_is_as_good_and_what_never_is_right_is_not():
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
