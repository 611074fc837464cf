"""Combinations drawn from ranges: what is estimated, said and drawn of them."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.axes import AXES
from experiment.config import Experiment
from experiment.search.listed import space_of
from experiment.search.sampling import draw
from experiment.search.space import Range
from report.importance import EXACT, FITTED, REST
from report.parallel import parallel_coordinates
from report.pictures import learning_curves
from report.text.wording import importance_in_words
from tests.report.rankings import made

SPACE = Experiment.model_validate({"learning_rates": "1e-3:10", "batch_sizes": "8:64", "alphas": "1e-5:0.1"}).grid
RANGES = [name for name, values in SPACE.items() if isinstance(values, Range)]
LABELS = {AXES[name].label: name for name in RANGES}
VALUE = r"[\de.+-]*\d"


def sweep(accuracy, count=60, rows=1000, lost=lambda _: False):
    """Combinations drawn at random, by an accuracy that is known."""
    combinations = draw(SPACE, "random", 1, [], count)
    right = [np.arange(rows) < rows * accuracy(one) for one in combinations]
    return made(combinations, right, lost={at for at, one in enumerate(combinations) if lost(one)})


def place(one, name):
    """Where on its range a value lies, 0 to 1."""
    low, high, at = np.log([SPACE[name].low, SPACE[name].high, getattr(one, name)])
    return (at - low) / (high - low)


def alone(name):
    return lambda one: 0.5 + 0.4 * place(one, name)


@pytest.mark.parametrize("name", RANGES)
def test_what_alone_decides_has_nearly_all_of_the_fit(name):
    found = sweep(alone(name)).importance(SPACE)
    assert (found.method, found.certain) == (FITTED, True)
    assert set(found.shares) == {*RANGES, REST}
    assert found.shares[name] > 0.85


def test_listed_combinations_with_values_of_their_own_are_as_if_drawn():
    combinations = draw(SPACE, "random", 1, [], 60)
    experiment = Experiment(grids=[one.nondefault() for one in combinations])
    space = space_of(experiment)
    assert {name for name, values in space.items() if isinstance(values, Range)} == {*RANGES}
    assert sweep(alone("alpha")).importance(space).shares["alpha"] > 0.85


@pytest.mark.parametrize("grids", [[], [{"alpha": [0.1 * at for at in range(9)]}], [{"alpha": at} for at in range(9)]])
def test_values_of_a_grid_are_values(grids):
    assert space_of(Experiment(grids=grids)) is None


def test_nothing_is_said_to_have_mattered_where_every_combination_has_values_of_its_own():
    told = sweep(alone("alpha"))
    assert told.importance() is None
    assert "There are too many different values for so few combinations to show which" in told.said()


def test_two_that_weigh_as_two_to_one_have_shares_of_four_to_one():
    both = sweep(lambda one: 0.2 + 0.4 * place(one, "alpha") + 0.2 * place(one, "learning_rate"), 200)
    found = both.importance(SPACE)
    assert found.shares["alpha"] == pytest.approx(0.8, abs=0.1)
    assert found.shares["learning_rate"] == pytest.approx(0.2, abs=0.1)
    assert "by least squares" in importance_in_words(found, 1000)
    assert "least-squares fit of main effects to the 200 combinations" in both.said(SPACE)


def test_an_effect_in_the_middle_of_a_range_is_found():
    found = sweep(lambda one: 0.9 - abs(place(one, "learning_rate") - 0.5)).importance(SPACE)
    assert found.certain
    assert found.shares["learning_rate"] > 0.8


def test_there_is_no_figure_for_few_or_halved_combinations():
    few = sweep(alone("alpha"), 9)
    assert few.importance(SPACE) is None
    assert "Fewer than 10" in few.said(SPACE)
    many = sweep(alone("alpha"))
    halved = [one.model_copy(update={"pruned": at > 5}) for at, one in enumerate(many.ranking)]
    assert many._replace(ranking=tuple(halved)).importance(SPACE) is None
    assert set(sweep(lambda _: 0.5).importance(SPACE).shares.values()) == {0.0}


def test_a_grid_that_was_drawn_to_its_last_point_has_exact_shares():
    grid = Experiment()
    complete = made(grid.combinations, [np.arange(99) < 50 + 1000 * one.alpha for one in grid.combinations])
    assert complete.importance(grid.grid) == complete.importance()
    assert complete.importance().method == EXACT


@given(st.sampled_from(RANGES), st.sampled_from([20, 200, 2000]))
def test_the_range_called_promising_is_that_of_those_near_the_top(name, rows):
    some = sweep(alone(name), 30, rows)
    text = some.said(SPACE)
    close = [one.combination for one in some.ranking if one.within_noise or one is some.ranking[0]]
    for label, low, high in re.findall(rf"({'|'.join(LABELS)}) lies between ({VALUE}) and ({VALUE})", text):
        values = [getattr(one, LABELS[label]) for one in close]
        assert (f"{min(values):g}", f"{max(values):g}") == (low, high)
        assert len(close) < 30
    beyond = re.search(r"Not tried, and next to the promising values: (.*?)\.(?: |$)", text)
    said = set(re.findall(rf"({'|'.join(LABELS)}) (above|below)", beyond[1] if beyond else ""))
    for label, field in LABELS.items():
        assert ((label, "above") in said) == (min(place(one, field) for one in close) >= 0.9)
        assert ((label, "below") in said) == (max(place(one, field) for one in close) <= 0.1)


def test_thirds_of_the_lines_end_where_the_table_says():
    some = sweep(lambda one: 0.9 - 0.4 * abs(place(one, "learning_rate") - 0.5))
    text, ranking = some.said(SPACE), some.ranking
    found = re.search(r"by thirds of learning rate, end in the median: (.*?%) and (.*?%)\.", text)
    thirds = re.findall(rf"({VALUE}) to ({VALUE}) at ({VALUE})%", " ".join(found.groups()))
    table = sorted((one.combination.learning_rate, one.val_accuracy) for one in ranking)
    for (low, high, median), part in zip(thirds, np.array_split(np.array(table), 3), strict=True):
        assert (low, high) == (f"{part[0, 0]:g}", f"{part[-1, 0]:g}")
        assert median == f"{100 * np.median(part[:, 1]):.2f}"


def test_from_where_on_none_converged_is_said():
    some = sweep(alone("alpha"), lost=lambda one: one.learning_rate > 1)
    text, ranking = some.said(SPACE), some.ranking
    most = max(one.combination.learning_rate for one in ranking if not one.diverged)
    assert f"none with learning rate above {most:g} converged" in text
    assert "never converged" not in text


def test_lines_stand_on_a_true_scale_where_numbers_were_drawn():
    ranking = sweep(alone("alpha"), 30).ranking
    table = pd.DataFrame(
        {**one.combination.model_dump(), "val_accuracy": one.val_accuracy, "diverged": False} for one in ranking
    )
    every, _ = parallel_coordinates(table, ranges=RANGES).axes
    heights = np.array([path.vertices[:3, 1] for path in every.collections[0].get_paths()])[::-1]  # the best on top
    for column, name in enumerate(RANGES):
        np.testing.assert_allclose(np.corrcoef(heights[:, column], np.log(table[name]))[0, 1], 1)
    heights = {text.get_text(): text.get_position()[1] for text in every.texts if text.get_position()[0] < 0}
    assert {"0.01", "0.1", "1"} <= heights.keys()
    assert heights["1"] - heights["0.1"] == pytest.approx(heights["0.1"] - heights["0.01"])


def test_curves_of_numbers_that_were_drawn_share_one_panel_and_a_short_legend():
    histories = {one.combination: np.full((3, 4), [[1], [2], [3]], float) for one in sweep(alone("alpha"), 30).ranking}
    figure = learning_curves(histories, next(iter(histories)), RANGES)
    assert [axis.get_title() for axis in figure.axes[:2]] == ["all", "the winner alone"]
    assert len(figure.legends[0].get_texts()) == 2
