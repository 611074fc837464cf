"""When a search stops, on results that are drawn, not trained."""

from math import comb

import numpy as np
import pytest

from experiment.results.selection import Gap, Place, Selection
from experiment.search.stopping import gain
from tests.made_up import combination

ROWS, BATCH, TRIALS = 1000, 8, 64


def selection(right):
    """Models ranked by the rows that each has right, (models, rows), with paired standard errors."""
    order = np.argsort(-right.mean(axis=1), kind="stable")
    behind = right[order[0]] - right[order].astype(float)
    gaps = zip(behind.mean(axis=1), behind.std(axis=1) / np.sqrt(right.shape[1]), strict=True)
    placed = (
        Place(combination=named(at), gap=Gap(difference=one, standard_error=error, within_noise=True))
        for at, (one, error) in zip(order, gaps, strict=True)
    )
    return Selection(places=tuple(placed), resampled=None)


def named(at):
    return combination(batch_size=int(at) + 1)


def searched(accuracies, rng):
    """The batches after which a search stops, and which of the rows its models have right."""
    hard = rng.uniform(size=ROWS)  # a row that is hard for one is hard for most
    right = np.where(rng.uniform(size=(len(accuracies), ROWS)) < 0.1, rng.uniform(size=ROWS), hard)
    right = right < np.asarray(accuracies)[:, None]
    for tried in range(BATCH, len(accuracies), BATCH):
        bound = gain(selection(right[:tried]), [named(at) for at in range(tried - BATCH, tried)])
        if bound and bound.difference <= bound.standard_error:
            return tried, right
    return len(accuracies), right


def ridge(rng):
    """A narrow ridge, x + y = 1, on a slope."""
    x, y = rng.uniform(size=(2, TRIALS))
    return 0.9 - 1.5 * np.abs(x + y - 1)


def test_on_noise_it_stops_early_and_on_a_ridge_it_goes_on():
    stops = {
        shape: [searched(drawn(rng), rng)[0] for rng in map(np.random.default_rng, range(60))]
        for shape, drawn in {"noise": lambda _: np.full(TRIALS, 0.8), "ridge": ridge}.items()
    }
    assert np.mean(stops["noise"]) < 24
    assert np.mean(np.array(stops["noise"]) == 2 * BATCH) > 0.7
    assert np.mean(np.array(stops["ridge"]) >= 40) > 0.9


@pytest.mark.parametrize("width", [0.01, 0.05, 0.3])
def test_where_it_stopped_another_batch_rarely_gains_more_than_the_noise(width):
    missed = []
    for rng in map(np.random.default_rng, range(150)):
        tried, right = searched(0.85 - width * rng.uniform(size=TRIALS) ** rng.choice([0.5, 1, 3]), rng)
        if tried < TRIALS:
            after = selection(right[: tried + BATCH])
            before = next(place.gap for place in after.places if place.combination.batch_size <= tried)
            missed.append(before.difference > before.standard_error)
    assert len(missed) > 30
    assert np.mean(missed) < 0.1


@pytest.mark.parametrize("tried", [16, 24, 40, 80, 160])
def test_the_bound_is_of_the_last_place_that_chance_rarely_leaves(tried):
    right = np.tril(np.ones((tried, tried), dtype=bool))[::-1]  # each has one row less right than the one before
    bound = gain(selection(right), [named(at) for at in range(tried - BATCH, tried)])
    place = round(bound.difference * tried) + 1
    chance = [comb(tried - j, BATCH - j) / comb(tried, BATCH) for j in (place, place - 1)]
    assert chance[0] <= 0.05
    assert place == 1 or chance[1] > 0.05


def test_nothing_is_known_after_one_batch_or_if_hardly_any_were_compared():
    every = selection(np.eye(16, dtype=bool))
    assert gain(every, [place.combination for place in every.places]) is None
    lost = [place if at == 0 else Place(combination=place.combination) for at, place in enumerate(every.places)]
    assert gain(Selection(places=tuple(lost), resampled=None), [named(at) for at in range(8, 16)]) is None


def test_what_the_last_batch_gained_counts_though_it_found_several_as_good():
    right = np.repeat(np.r_[np.full(32, 500), np.full(8, 900)][:, None], ROWS, axis=1) > np.arange(ROWS)
    bound = gain(selection(right), [named(at) for at in range(32, 40)])
    assert bound.difference == pytest.approx(0.4)
