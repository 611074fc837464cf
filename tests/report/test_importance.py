"""The analysis of variance, against nested least squares over random complete grids."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.axes import Combination
from experiment.results.trained import Trained
from experiment.search.ranking import Candidate
from experiment.values import ArrayRef
from report.importance import importance, in_words, is_estimate, shares

NAMES = ["learning_rate", "batch_size", "alpha"]
NONE = ArrayRef(digest="", shape=(), dtype="")


def ranking(accuracy, diverged=lambda *_: False):
    points = itertools.product([0.1, 0.01], [8, 16, 32], [0.0, 0.01])
    return [candidate(Combination(**dict(zip(NAMES, p, strict=True))), accuracy(*p), diverged(*p)) for p in points]


def candidate(combination, accuracy, diverged):
    trained = Trained(
        combination=combination, diverged=diverged, epochs_trained=1, best_epoch=1, val_loss=1, val_cross_entropy=1,
        val_accuracy=accuracy, correct=None, W=NONE, b=NONE, history=NONE,
    )  # fmt: skip
    return Candidate(combination=combination, trained=(trained,))


def explained(y, levels, factors):
    """Sum of squares that a least-squares fit on indicators of all level combinations of `factors` explains."""
    cells = np.unique(levels[:, list(factors)], axis=0, return_inverse=True)[1]
    design = np.eye(cells.max() + 1)[cells]
    return ((design @ np.linalg.lstsq(design, y)[0] - y.mean()) ** 2).sum()


@given(st.tuples(*[st.integers(1, 4)] * 3), st.integers(0, 2**32 - 1))
def test_shares_are_those_of_nested_least_squares_and_sum_to_one(shape, seed):
    y = np.random.default_rng(seed).uniform(size=shape)
    levels = np.array(list(np.ndindex(shape)))
    total = ((y - y.mean()) ** 2).sum()
    found = shares(y, NAMES)
    if y.size == 1:
        assert set(found.values()) == {0.0}
        return
    for i, name in enumerate(NAMES):
        assert found[name] == pytest.approx(explained(y.ravel(), levels, [i]) / total)
    for i, j in itertools.combinations(range(3), 2):
        alone = explained(y.ravel(), levels, [i]) + explained(y.ravel(), levels, [j])
        expected = (explained(y.ravel(), levels, [i, j]) - alone) / total
        assert found[f"{NAMES[i]} × {NAMES[j]}"] == pytest.approx(expected, abs=1e-12)
    assert sum(found.values()) == pytest.approx(1)


def test_what_alone_decides_has_all_the_importance():
    found = importance(ranking(lambda rate, size, alpha: 0.8 - alpha))
    assert found["alpha"] == pytest.approx(1)
    assert in_words(found).startswith("alpha 100%, learning rate 0%, batch size 0%, together 0% (of the variance")


def test_of_a_grid_over_one_hyperparameter_its_share_is_exact_and_all_there_is():
    found = importance([candidate(Combination(learning_rate=r, batch_size=8, alpha=0), r, False) for r in (0.1, 0.2)])
    assert found == {"learning_rate": 1.0}
    assert not is_estimate(found)


def test_what_two_decide_only_together_is_said_so():
    found = importance(ranking(lambda rate, size, alpha: 0.8 if (rate == 0.1) == (alpha == 0) else 0.7))
    assert found["learning_rate × alpha"] == pytest.approx(1)
    assert in_words(found).count("together 100%")


def test_constant_accuracies_have_no_importance_however_they_round():
    for accuracy in (0.1, 1 / 3, 0.9749):
        found = importance(ranking(lambda *_, accuracy=accuracy: accuracy))
        assert set(found.values()) == {0.0}
        assert "nothing" in in_words(found)


def test_where_some_diverged_or_are_missing_there_is_no_figure():
    some = ranking(lambda rate, *_: rate, diverged=lambda rate, *_: rate == 0.1)
    assert importance(some) == importance(ranking(lambda rate, *_: rate)[1:]) == {}
    assert in_words({}).startswith("no figure")


@given(st.lists(st.floats(0.01, 1), min_size=12, max_size=12))
def test_the_words_sum_to_a_hundred(accuracies):
    values = iter(accuracies)
    found = importance(ranking(lambda *_: next(values)))
    if any(found.values()):
        assert sum(int(word.rstrip(",%")) for word in in_words(found).split() if "%" in word) == 100
