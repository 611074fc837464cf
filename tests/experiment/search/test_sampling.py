"""What is drawn from values and ranges: within bounds, evenly, nothing twice, the same again, more of the same."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, qmc

from experiment.axes import Combination
from experiment.config import BATCH, Experiment
from experiment.errors import InputError
from experiment.search.sampling import draw, eligible, rounded
from experiment.search.space import Range, contains
from tests.made_up import combination

SAMPLERS = ("random", "sobol", "tpe")
WIDE = Experiment.model_validate({"learning_rates": "1e-4:1", "batch_sizes": "8:64", "alphas": "1e-6:0.1"}).grid
MIXED = Experiment.model_validate({"learning_rates": "1e-4:1", "batch_sizes": (32,), "alphas": (0, 1e-3)}).grid


@st.composite
def spaces(draw):
    """Values or ranges on each axis."""
    low, factor = draw(st.floats(1e-6, 1)), draw(st.floats(1.5, 1e4))
    first = draw(st.integers(1, 100))
    return Experiment.model_validate(
        {
            "learning_rates": draw(st.sampled_from([f"{low}:{low * factor}", (0.1, 0.02, 0.5)])),
            "batch_sizes": draw(st.sampled_from([f"{first}:{first + 40}", (64, 8, 16)])),
            "alphas": draw(st.sampled_from(["1e-6:0.1", (0.0, 0.1)])),
        }
    ).grid


@settings(max_examples=50)
@given(spaces(), st.sampled_from(SAMPLERS), st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_all_lie_within_what_was_given_print_as_they_are_and_none_comes_twice(space, sampler, seed, count):
    found = draw(space, sampler, seed, [], count)
    assert len(set(found)) == count
    for drawn in found:
        assert all(contains(values, getattr(drawn, name)) for name, values in space.items())
    names = [str(drawn) for drawn in found]
    assert len(set(names)) == count
    ends = {end for values in space.values() if isinstance(values, Range) for end in (values.low, values.high)}
    for drawn, name in zip(found, names, strict=True):
        printed = re.findall(r"=(\S+)", name)
        for value, shown in zip(drawn.nondefault().values(), printed, strict=True):
            # An end of a range may have more digits than are drawn.
            assert value in ends or shown == str(value) or float(shown) == value


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_more_trials_go_on_where_fewer_ended_and_known_ones_are_not_drawn_again(sampler):
    first = draw(WIDE, sampler, 541, [], 20)
    assert draw(WIDE, sampler, 541, [], 7) == first[:7]
    assert draw(WIDE, sampler, 541, [], 20) == first
    assert draw(WIDE, sampler, 542, [], 7) != first[:7]
    after = draw(WIDE, sampler, 541, first, 20)
    assert not set(after) & set(first)
    assert draw(WIDE, sampler, 541, first, 3) == after[:3]


@pytest.mark.parametrize(("sampler", "count"), [("random", 2000), ("sobol", 256)])
def test_ranges_on_a_log_scale_are_drawn_from_evenly_in_the_logarithm(sampler, count):
    found = draw(WIDE, sampler, 541, [], count)
    for name, values in ((name, values) for name, values in WIDE.items() if isinstance(values, Range)):
        low, high = np.log([values.low, values.high])
        at = (np.log([getattr(combination, name) for combination in found]) - low) / (high - low)
        # A batch size is a whole number: the few small ones stand for a wide stretch each.
        assert kstest(at, "uniform").statistic < (0.09 if values.integral else 0.04)


def test_sobol_is_the_scrambled_sequence_of_scipy():
    found = draw(WIDE, "sobol", 541, [], 32)
    seed = int(np.random.SeedSequence([541, 0]).generate_state(1)[0])
    expected = qmc.Sobol(3, scramble=True, seed=seed).random(32)
    for column, name in ((0, "learning_rate"), (2, "alpha")):
        low, high = np.log([WIDE[name].low, WIDE[name].high])
        at = (np.log([getattr(combination, name) for combination in found]) - low) / (high - low)
        np.testing.assert_allclose(at, expected[:, column], atol=1e-3)


def test_tpe_looks_where_the_best_were():
    known = draw(WIDE, "random", 1, [], 40)

    def away(combination):
        return abs(np.log10(combination.learning_rate) + 2)

    found = draw(WIDE, "tpe", 1, sorted(known, key=away), BATCH)
    assert np.median([away(one) for one in found]) < np.median([away(one) for one in known]) / 2


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_of_a_grid_every_point_is_drawn_once_before_there_is_nothing_left(sampler):
    grid = Experiment()
    some = draw(grid.grid, sampler, 541, [], 30)
    rest = draw(grid.grid, sampler, 541, some, BATCH)
    assert len(rest) == 6
    assert {*some, *rest} == set(grid.combinations)
    assert draw(grid.grid, sampler, 541, grid.combinations, BATCH) == ()


def test_an_axis_of_one_value_stays_there():
    assert {combination.batch_size for combination in draw(MIXED, "tpe", 541, [], 12)} == {32}
    one = Experiment.model_validate({"learning_rates": (0.1,), "batch_sizes": (8,), "alphas": (0,)}).grid
    assert draw(one, "tpe", 541, [], 1) == (Combination(learning_rate=0.1, batch_size=8, alpha=0),)


def test_ranges_too_narrow_for_so_many_trials_are_refused():
    narrow = Experiment.model_validate({"learning_rates": "0.1:0.102", "batch_sizes": (8,), "alphas": (0,)}).grid
    with pytest.raises(
        InputError, match=r"after 3 combinations .* draws from these ranges gave no new one.*: reduce trials"
    ):
        draw(narrow, "random", 541, [], 4)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(0, 1))
def test_on_a_linear_scale_numbers_are_rounded_and_stay_within(low, width, at):
    values = Range(low=low, high=low + width)
    number = low + at * width
    found = rounded(values, number, log=False)
    assert values.low <= found <= values.high
    assert abs(found - number) <= max(width / 1000, 1e-5 * abs(number))


def test_a_warm_start_begins_from_what_was_trained_to_its_end_within_its_axes():
    space = Experiment.model_validate({"learning_rates": "0.01:1", "batch_sizes": (8, 16), "alphas": (0.0,)}).grid
    a, b, c = combination(0.5), combination(0.01, 16), combination(1.0)
    outside = [combination(2.0), combination(0.5, 32), combination(0.5, alpha=0.1), combination(0.5, decay="cosine")]
    unfinished = combination(0.2)
    assert eligible([b, *outside, a, unfinished, b, c], space, lambda one: one != unfinished) == (b, a, c)
    assert eligible(outside, space, lambda one: True) == ()
