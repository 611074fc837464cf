"""Combinations under all their seeds, and their order."""

import math

import pytest

from experiment.results.selection import Gap, Place, Selection
from experiment.search.ranking import candidates, rank, ranked, with_pruned
from tests.made_up import combination, diverged, trained

A, B = combination(learning_rate=0.1), combination(learning_rate=0.2)


def test_a_candidate_is_a_combination_with_all_its_seeds_in_their_order():
    runs = [trained(A, seed=1), trained(B, seed=1), trained(A, seed=2), trained(B, seed=2)]
    one, two = candidates(runs)
    assert (one.combination, two.combination) == (A, B)
    assert (one.trained, two.trained) == (tuple(runs[::2]), tuple(runs[1::2]))


def test_pruned_are_those_of_an_earlier_rung_that_had_not_ended():
    going, paused, ended = (candidates([trained(A, ended=end)], rung)[0] for end, rung in ((0, 1), (0, 0), (1, 0)))
    assert [one.pruned for one in with_pruned([going, paused, ended])] == [False, True, False]


def test_a_selection_ranks_combinations_wherever_they_stand():
    places = (Place(combination=B), Place(combination=A, gap=Gap(difference=1, standard_error=1, within_noise=True)))
    selection = Selection(places=places, resampled=None)
    for order in ([A, B], [B, A]):
        ranking = ranked(selection, candidates([trained(of) for of in order]))
        assert [(one.combination, one.gap) for one in ranking] == [(place.combination, place.gap) for place in places]


def test_its_figures_are_means_over_the_seeds():
    (both,) = candidates([trained(A, 0.9, 1.0, best_epoch=3), trained(A, 0.8, 3.0, best_epoch=9)])
    assert both.val_accuracy == pytest.approx(0.85)
    assert both.val_loss == 2.0
    assert both.best_epoch == 6
    assert not both.diverged


def test_their_spread_is_the_standard_deviation_over_two_seeds_or_more():
    (one,), (two,) = candidates([trained(A, 0.9)]), candidates([trained(A, 0.9, 1.0), trained(A, 0.8, 3.0)])
    assert one.spread == {}
    assert two.spread["val_accuracy"] == pytest.approx(0.1 / 2**0.5)
    assert two.spread["val_loss"] == pytest.approx(2**0.5)
    assert candidates([trained(A), diverged(A)])[0].spread == {}


def test_the_mean_epoch_is_rounded_to_a_whole_one():
    (three,) = candidates([trained(A, best_epoch=epoch) for epoch in (3, 4, 4)])
    assert three.best_epoch == 4
    assert isinstance(three.best_epoch, int)


def test_one_diverged_seed_makes_the_candidate_diverged():
    (half,) = candidates([trained(A, 0.8, 1.0), diverged(A)])
    assert half.diverged
    assert half.val_accuracy == 0.4
    assert half.val_loss == math.inf


@pytest.mark.parametrize(
    ("better", "worse", "by"),
    [
        (trained(A, 0.8, 2.0), trained(B, 0.7, 1.0), "val_accuracy"),
        (trained(A, 0.7, 1.0), trained(B, 0.8, 2.0), "val_loss"),
        (trained(A, 0.8, 1.0), trained(B, 0.8, 2.0), "val_accuracy"),
        (trained(A, 0.8, 1.0), trained(B, 0.7, 1.0), "val_loss"),
        (trained(A, 0.1, 9.0), trained(B, 0.8, 1.0, diverged=True), "val_accuracy"),
        (trained(A, 0.1, 9.0), trained(B, 0.8, 1.0, diverged=True), "val_loss"),
    ],
)
def test_better_ones_sort_before_worse_ones(better, worse, by):
    one, other = candidates([better, worse])
    assert rank(one, by) < rank(other, by)
