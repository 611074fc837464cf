"""The analysis of variance, against nested least squares over random complete grids."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report.importance import FITTED, analysis_of_variance, main_effects
from report.text.wording import importance_in_words, percentages
from tests.report.rankings import grid, made

NAMES = ["learning_rate", "batch_size", "alpha"]
RATES, SIZES, ALPHAS = (0.1, 0.01), (8, 16, 32), (0.0, 0.01)


def sweep(accuracy, lost=(), rows=1000):
    """A grid whose combinations have just so many rows right, the same rows as far as they go."""
    combinations = grid(RATES, SIZES, ALPHAS)
    right = [np.arange(rows) < round(rows * accuracy(of.learning_rate, of.batch_size, of.alpha)) for of in combinations]
    return made(combinations, right, lost=lost)


def explained(y, levels, factors):
    """Sum of squares that a least-squares fit on indicators of all level combinations of `factors` explains."""
    cells = np.unique(levels[:, list(factors)], axis=0, return_inverse=True)[1]
    design = np.eye(cells.max() + 1)[cells]
    return ((design @ np.linalg.lstsq(design, y)[0] - y.mean()) ** 2).sum()


@given(st.tuples(*[st.integers(1, 4)] * 3), st.integers(0, 2**32 - 1))
def test_squares_are_those_of_nested_least_squares_and_add_up(shape, seed):
    levels = np.array(list(np.ndindex(shape)))
    y = np.random.default_rng(seed).uniform(size=(len(levels), 2))
    found = analysis_of_variance(y, dict(zip(NAMES, levels.T, strict=True)))
    for sample, one in enumerate(y.T):
        for i, name in enumerate(NAMES):
            assert found[name][sample] == pytest.approx(explained(one, levels, [i]), abs=1e-12)
        for i, j in itertools.combinations(range(3), 2):
            alone = explained(one, levels, [i]) + explained(one, levels, [j])
            expected = explained(one, levels, [i, j]) - alone
            assert found[f"{NAMES[i]} × {NAMES[j]}"][sample] == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(sum(found.values()), ((y - y.mean(axis=0)) ** 2).sum(axis=0), atol=1e-12)


def test_on_a_complete_grid_the_fit_of_main_effects_gives_the_same():
    levels = np.array(list(np.ndindex(2, 3, 2)))
    y = np.random.default_rng(0).uniform(size=(len(levels), 5))
    values = dict(zip(NAMES, levels.T, strict=True))
    exact, (fitted, _) = analysis_of_variance(y, values), main_effects(y, values, ())
    for name in NAMES:
        np.testing.assert_allclose(fitted[name], exact[name])


def test_what_alone_decides_has_all_the_importance():
    found = sweep(lambda rate, size, alpha: 0.8 - 10 * alpha).importance()
    assert found.shares["alpha"] == pytest.approx(1)
    assert found.certain
    assert found.beyond_noise == ("alpha",)
    words = importance_in_words(found, 1000)
    assert words.startswith(
        "alpha 100% (100–100), learning rate 0% (0–0), batch size 0% (0–0), together 0% (of the var"
    )


def test_of_a_grid_over_one_hyperparameter_its_share_is_all_there_is():
    found = made(grid((0.1, 0.2), [8], [0.0]), [np.arange(100) < 90, np.arange(100) < 50]).importance()
    assert found.shares == {"learning_rate": 1.0}
    assert found.certain


def test_what_two_decide_only_together_is_said_so():
    found = sweep(lambda rate, size, alpha: 0.8 if (rate == 0.1) == (alpha == 0) else 0.5).importance()
    assert found.shares["learning_rate × alpha"] == pytest.approx(1)
    assert not found.certain
    assert importance_in_words(found, 1000).count("together 100%")


def test_equal_accuracies_have_no_importance():
    found = sweep(lambda *_: 1 / 3).importance()
    assert set(found.shares.values()) == {0.0}
    assert not found.certain
    assert "nothing" in importance_in_words(found, 1000)


def test_where_some_diverged_main_effects_are_fitted_if_enough_are_left():
    found = sweep(lambda rate, size, alpha: 0.8 - 10 * alpha, lost={0}).importance()
    assert (found.method, found.certain) == (FITTED, True)
    assert found.shares["alpha"] == pytest.approx(
        1, abs=0.05
    )  # some of it could be due to others: not all pairs are there
    assert sweep(lambda rate, *_: rate, lost={0, 1, 2}).importance() is None
    assert importance_in_words(None, 1000).startswith("unknown")


@settings(max_examples=40)
@given(st.lists(st.floats(0.01, 1), min_size=12, max_size=12))
def test_the_words_sum_to_a_hundred(accuracies):
    values = iter(accuracies)
    found = sweep(lambda *_: next(values)).importance()
    if any(found.shares.values()):
        assert sum(percent for _, percent in percentages(found)) == 100
