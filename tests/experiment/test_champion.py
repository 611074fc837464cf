"""Which model is the champion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from experiment.champion import by_person, decide, paired


def two(lost, won, same=100):
    """Rows that only the first has right, only the second, and both."""
    first = np.repeat([True, False, True], [lost, won, same])
    second = np.repeat([False, True, True], [lost, won, same])
    return first, second


@given(st.integers(0, 300), st.integers(0, 300))
def test_p_is_that_of_mcnemars_exact_test(lost, won):
    compared = paired(*two(lost, won))
    expected = binomtest(won, lost + won).pvalue if lost + won else 1.0
    assert compared.p == pytest.approx(expected, rel=1e-9)
    low, high = compared.interval
    assert low <= compared.difference == (won - lost) / (lost + won + 100) <= high


def test_p_does_not_overflow():
    assert paired(*two(5200, 4800)).p == pytest.approx(binomtest(4800, 10000).pvalue, rel=1e-9)


def test_only_what_is_better_beyond_noise_on_the_same_rows_becomes_champion():
    assert decide(None, two(0, 0)[1], same_data=False).promoted
    for lost, won, promoted in [(0, 6, True), (0, 5, False), (6, 0, False), (30, 50, True), (40, 50, False)]:
        first, second = two(lost, won)
        decision = decide(first, second, same_data=True)
        assert decision.promoted == promoted, decision
        assert decision.new
        assert decide(first, second, same_data=False).why == "the data changed"
    assert not decide(first, first, same_data=True).new


def test_a_person_s_word_counts_more_than_the_rule():
    first, second = two(0, 6)
    assert not by_person(False, decide(first, second, same_data=True)).promoted
    assert by_person(True, decide(second, first, same_data=True)).promoted
