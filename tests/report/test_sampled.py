"""Combinations drawn from ranges: what is estimated, said and drawn of them."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.axes import AXES
from experiment.config import Experiment
from experiment.search.comparison import AccuracyGap
from experiment.search.ranking import Candidate
from experiment.search.sampling import draw
from experiment.search.space import Range
from report.importance import REST, importance, in_words, is_estimate
from report.parallel import parallel_coordinates
from report.pictures import learning_curves
from report.text.analysis import analysis
from tests.made_up import diverged, trained

SPACE = Experiment.model_validate({"learning_rates": "1e-3:10", "batch_sizes": "8:64", "alphas": "1e-5:0.1"}).grid
RANGES = [name for name, values in SPACE.items() if isinstance(values, Range)]
LABELS = {AXES[name].label: name for name in RANGES}
VALUE = r"[\de.+-]*\d"


def ranked(accuracy, count=60, near=0.01, lost=lambda _: False):
    """Combinations drawn at random, by an accuracy that is known."""
    runs = [diverged(one) if lost(one) else trained(one, accuracy(one)) for one in draw(SPACE, "random", 1, [], count)]
    made = [Candidate(combination=run.combination, trained=(run,)) for run in runs]
    made.sort(key=lambda candidate: (candidate.diverged, -candidate.val_accuracy))
    best = made[0].val_accuracy
    return [
        one
        if one.diverged
        else one.model_copy(
            update={"behind": AccuracyGap(difference=best - one.val_accuracy, standard_error=near / 1.96)}
        )
        for one in made
    ]


def place(one, name):
    """Where on its range a value lies, 0 to 1."""
    low, high, at = np.log([SPACE[name].low, SPACE[name].high, getattr(one, name)])
    return (at - low) / (high - low)


def alone(name):
    return lambda one: 0.5 + 0.4 * place(one, name)


@pytest.mark.parametrize("name", RANGES)
def test_what_alone_decides_has_nearly_all_of_the_estimate(name):
    found = importance(ranked(alone(name)), SPACE)
    assert is_estimate(found)
    assert set(found) == {*RANGES, REST}
    assert sum(found.values()) == pytest.approx(1)
    assert found[name] > 0.85
    assert importance(ranked(alone(name)), SPACE) == found


def test_two_that_weigh_as_two_to_one_have_shares_of_four_to_one():
    found = importance(
        ranked(lambda one: 0.2 + 0.4 * place(one, "alpha") + 0.2 * place(one, "learning_rate"), 200), SPACE
    )
    assert found["alpha"] == pytest.approx(0.8, abs=0.1)
    assert found["learning_rate"] == pytest.approx(0.2, abs=0.1)
    assert "by fANOVA's estimate" in in_words(found)


def test_there_is_no_estimate_from_few_or_halved_combinations_and_none_of_the_constant():
    assert importance(ranked(alone("alpha"), 9), SPACE) == {}
    halved = [one.model_copy(update={"pruned": at > 5}) for at, one in enumerate(ranked(alone("alpha")))]
    assert importance(halved, SPACE) == {}
    assert set(importance(ranked(lambda _: 0.5), SPACE).values()) == {0.0}
    assert "Fewer than 10" in analysis(ranked(alone("alpha"), 9), {}, (), SPACE)[0]


def test_a_grid_that_was_drawn_to_its_last_point_has_exact_shares():
    grid = Experiment()
    made = [Candidate(combination=one, trained=(trained(one, 0.5 + one.alpha),)) for one in grid.combinations]
    assert importance(made, grid.grid) == importance(made)
    assert is_estimate(importance(made[:-1], grid.grid))


@given(st.sampled_from(RANGES), st.floats(0.001, 0.5))
def test_the_range_called_promising_is_that_of_those_near_the_top(name, near):
    ranking = ranked(alone(name), 30, near)
    text = " ".join(analysis(ranking, dict.fromkeys([*RANGES, REST], 0.25), (), SPACE))
    close = [one.combination for one in ranking if one.within_noise or one is ranking[0]]
    for label, low, high in re.findall(rf"({'|'.join(LABELS)}) lies from ({VALUE}) to ({VALUE}), drawn", text):
        values = [getattr(one, LABELS[label]) for one in close]
        assert (f"{min(values):g}", f"{max(values):g}") == (low, high)
    beyond = re.search(r"Not tried, and next to the promising values: (.*?)\.(?: |$)", text)
    said = set(re.findall(rf"({'|'.join(LABELS)}) (above|below)", beyond[1] if beyond else ""))
    for label, field in LABELS.items():
        assert ((label, "above") in said) == (min(place(one, field) for one in close) >= 0.9)
        assert ((label, "below") in said) == (max(place(one, field) for one in close) <= 0.1)


def test_thirds_of_the_lines_end_where_the_table_says():
    ranking = ranked(lambda one: 0.9 - 0.4 * abs(place(one, "learning_rate") - 0.5))
    text = " ".join(analysis(ranking, importance(ranking, SPACE), (), SPACE))
    found = re.search(r"by thirds of learning rate, end in the median: (.*?%) and (.*?%)\.", text)
    thirds = re.findall(rf"({VALUE}) to ({VALUE}) at ({VALUE})%", " ".join(found.groups()))
    table = sorted((one.combination.learning_rate, one.val_accuracy) for one in ranking)
    for (low, high, median), part in zip(thirds, np.array_split(np.array(table), 3), strict=True):
        assert (low, high) == (f"{part[0, 0]:g}", f"{part[-1, 0]:g}")
        assert median == f"{100 * np.median(part[:, 1]):.2f}"


def test_from_where_on_none_converged_is_said():
    ranking = ranked(alone("alpha"), lost=lambda one: one.learning_rate > 1)
    text = " ".join(analysis(ranking, importance(ranking, SPACE), (), SPACE))
    most = max(one.combination.learning_rate for one in ranking if not one.diverged)
    assert f"none with learning rate above {most:g} converged" in text
    assert "never converged" not in text


def test_lines_stand_on_a_true_scale_where_numbers_were_drawn():
    ranking = ranked(alone("alpha"), 30)
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
    histories = {one.combination: np.full((3, 4), [[1], [2], [3]], float) for one in ranked(alone("alpha"), 30)}
    figure = learning_curves(histories, next(iter(histories)), RANGES)
    assert [axis.get_title() for axis in figure.axes[:2]] == ["all", "the winner alone"]
    assert len(figure.legends[0].get_texts()) == 2
