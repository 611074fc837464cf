"""The paired comparison of accuracies, against a bootstrap over rows and McNemar's figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.search.comparison import AccuracyGap, accuracy_gap


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_error_is_that_of_a_bootstrap_over_rows(seeds):
    rng = np.random.default_rng(seeds)
    hard = rng.uniform(size=400)
    winner, other = (rng.uniform(size=(seeds, 400)) < 1 - hard * share for share in (0.3, 0.4))
    again = rng.integers(0, 400, size=(4000, 400))
    replayed = winner.mean(axis=0)[again].mean(axis=1) - other.mean(axis=0)[again].mean(axis=1)
    found = accuracy_gap(winner, other)
    assert found.difference == pytest.approx(winner.mean() - other.mean())
    assert found.standard_error == pytest.approx(replayed.std(), rel=0.05)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60))
def test_for_one_seed_it_is_mcnemars(rows):
    winner, other = np.array(rows).T[:, None]
    b, c, n = int((winner & ~other).sum()), int((other & ~winner).sum()), len(rows)
    found = accuracy_gap(winner, other)
    assert found.difference == pytest.approx((b - c) / n)
    assert found.standard_error**2 == pytest.approx((b + c - (b - c) ** 2 / n) / (n * (n - 1)), abs=1e-15)


def test_two_thirds_of_a_row_are_noise_and_forty_rows_are_not():
    winner, other = np.ones((3, 270), bool), np.ones((3, 270), bool)
    other[:2, 7] = False
    assert accuracy_gap(winner, other).within_noise
    other[:, :40] = False
    assert not accuracy_gap(winner, other).within_noise
    assert AccuracyGap(difference=0, standard_error=0).within_noise
