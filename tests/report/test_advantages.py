"""The answer about systematic search says what the leaderboard says."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report.leaderboard import leaderboard
from report.pdf.advantages import advantages, one_at_a_time
from tests.report.page.made_sweep import made_sweep

VALUES = {"learning_rate": ["0.1", "0.01", "0.001"], "batch_size": ["8", "16"], "alpha": ["0.0", "0.01"]}


def rows_of(ranks):
    """The leaderboard of a grid, given every point's rank."""
    names = list(VALUES)[: ranks.ndim]
    rows = [
        {name: VALUES[name][at] for name, at in zip(names, point, strict=True)} | {"rank": rank}
        for point, rank in np.ndenumerate(ranks)
    ]
    return pd.DataFrame(rows).sort_values("rank")


def descended(ranks, point):
    """Return where coordinate descent ends, axis by axis, on an array."""
    before = None
    while before != point:
        before = point
        for axis in range(ranks.ndim):
            line = ranks[tuple(slice(None) if at == axis else point[at] for at in range(ranks.ndim))]
            point = (*point[:axis], int(line.argmin()), *point[axis + 1 :])
    return int(ranks[point])


@given(st.sampled_from([(3, 2), (3, 2, 2), (2, 2)]).flatmap(lambda shape: st.permutations(range(np.prod(shape))).map(
    lambda order: np.array(order).reshape(shape) + 1)))  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_coordinate_search_ends_where_it_does_on_an_array(ranks):
    starts = sorted(itertools.product(*map(range, ranks.shape)), key=lambda point: ranks[point])
    assert one_at_a_time(rows_of(ranks)) == [descended(ranks, start) for start in starts]


def test_where_it_is_caught_this_is_said():
    assert one_at_a_time(rows_of(np.array([[1, 3], [4, 2]]))) == [1, 2, 2, 1]


def test_what_is_no_grid_is_not_searched():
    assert one_at_a_time(rows_of(np.array([[1, 3], [4, 2]]))[:3]) == []
    assert one_at_a_time(rows_of(np.array([[1, 2]]))) == []


def answer(left=0, **about):
    made = made_sweep(**about)
    table = leaderboard(made.ranking)
    return advantages(made.summary.model_copy(update={"left": left}), table), made, table


def test_where_nothing_is_told_from_noise_nothing_is_gained():
    made = made_sweep()
    summary = made.summary.model_copy(update={"within_noise": made.summary.compared})
    said = advantages(summary, leaderboard(made.ranking))
    assert "which may all be chance. How certain" in said
    assert "gain" not in said
    assert "interactions" not in said


def test_the_figures_are_those_of_the_sweep():
    said, made, table = answer(lost=(0.1,))
    accuracies = [candidate.val_accuracy for candidate in made.ranking if not candidate.diverged]
    assert f"from {min(accuracies):.2%} to {max(accuracies):.2%}, and 4 diverged" in said
    ends = one_at_a_time(table)
    found = re.search(r"ends at the winner from (\w+) of the 12", said)
    assert found
    assert found[1] == ("each" if ends.count(1) == 12 else str(ends.count(1)))
    assert f"{made.summary.epochs_trained:,} epochs" in said


@pytest.mark.parametrize(
    ("about", "is_said", "is_not"),
    [
        ({"rates": (0.1,), "sizes": (8,), "alphas": (0.0,)}, "Only one combination was tried", "%"),
        ({"sizes": (8,), "alphas": (0.0,)}, "All 3 combinations", "one hyperparameter at a time"),
        ({"sampler": "sobol"}, "drawn by a seed", "guess"),
        ({"left": 2}, "Not all of them were trained to their end", "one hyperparameter at a time"),
    ],
    ids=["one combination", "one axis", "drawn", "out of time"],
)
def test_no_more_is_said_than_was_tried(about, is_said, is_not):
    said, _, _ = answer(**about)
    assert is_said in said
    assert is_not not in said
