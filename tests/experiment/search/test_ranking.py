"""Combinations under all their seeds, and their order."""

import math

import pytest

from experiment.search.ranking import candidates, rank
from tests.made_up import combination, diverged, trained

A, B = combination(learning_rate=0.1), combination(learning_rate=0.2)


def test_a_candidate_is_a_combination_with_all_its_seeds_in_their_order():
    runs = [trained(A, identity="1"), trained(A, identity="2"), trained(B, identity="1"), trained(B, identity="2")]
    one, two = candidates(runs)
    assert (one.combination, two.combination) == (A, B)
    assert (one.trained, two.trained) == (tuple(runs[:2]), tuple(runs[2:]))


def test_its_figures_are_means_over_the_seeds():
    (both,) = candidates([trained(A, 0.9, 1.0, best_epoch=3), trained(A, 0.8, 3.0, best_epoch=9)])
    assert both.val_accuracy == pytest.approx(0.85)
    assert both.val_loss == 2.0
    assert both.best_epoch == 6
    assert not both.diverged


def test_the_mean_epoch_is_rounded_to_a_whole_one():
    (three,) = candidates([trained(A, best_epoch=epoch) for epoch in (3, 4, 4)])
    assert three.best_epoch == 4
    assert isinstance(three.best_epoch, int)


def test_one_diverged_seed_makes_the_candidate_diverged_with_the_worst_figures_for_that_seed():
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
