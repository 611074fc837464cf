"""Which combinations go on, and how far."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.config import Experiment
from experiment.search.halving import promoted, rungs


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"halving": 3}, (3, 9, 27, 81, None)),
        ({"halving": 2, "first_rung": 10}, (10, 20, 40, 80, 160, 320, None)),
        ({"halving": 3, "max_epochs": 20}, (3, 9, None)),
        ({"halving": 3, "alphas": (0,), "learning_rates": (0.1,), "batch_sizes": (8,)}, (None,)),
        ({}, (None,)),
    ],
)
def test_rungs_are_those_of_the_paper(about, expected):
    assert Experiment.model_validate(about).rungs == expected


@given(candidates=st.integers(2, 400), halving=st.integers(2, 5), data=st.data())
def test_each_rung_keeps_the_best_rounded_up_until_one_is_left(candidates, halving, data):
    left = candidates
    for until in rungs(candidates, halving, 1, 10**9)[:-1]:
        order = data.draw(st.permutations(range(left)), label=f"order at epoch {until}")
        going = promoted(range(left), order, halving)
        assert going == sorted(going)
        assert {order.index(at) for at in going} == set(range(-(-left // halving)))
        left = len(going)
    assert left == 1
