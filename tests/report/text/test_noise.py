"""Of pure noise nothing is claimed, but in 5 of 100 sweeps; what was planted is found."""

import re

import numpy as np
import pytest

from experiment.config import Experiment
from experiment.search.comparison import may_be_equal
from experiment.search.sampling import draw
from tests.report.rankings import bits, drawn, grid, made

SPACE = Experiment.model_validate({"learning_rates": "1e-3:10", "batch_sizes": "8:64", "alphas": "1e-5:0.1"}).grid
TRIALS = draw(SPACE, "random", 1, [], 12)
GRIDS = (
    grid((0.1, 0.01), (8, 16), (0.0, 0.01)),
    grid((0.1, 0.01, 0.001), (8, 16), (0.0, 0.01)),
    grid((0.1, 0.01, 0.001), [8], [0.0]),
    grid((0.1, 0.01, 0.001), (8, 16, 32, 64), [0.0]),
)
CLAIM = re.compile(
    r"mattered most: alone|beyond noise|bundle|act together|best 10 all|none of the|neither of|\b\d+ of the \d+ others|"
    "is not within|it has|all of them have|they have|lies between|Not tried"
)


def noise(seed):
    """Equally good models, which have their rows right by chance, or differ in few rows: combinations, rows, space."""
    rng = np.random.default_rng(seed)
    combinations, space = (TRIALS, SPACE) if seed % 5 == 4 else (GRIDS[seed % 5], None)
    right = bits(np.full((len(combinations), 1 + (seed % 7 == 0)), 0.85), int(rng.choice([40, 150, 600])), rng)
    if seed % 2:
        shared = rng.uniform(size=right.shape[2]) < 0.85
        right = np.where(rng.uniform(size=right.shape) < 0.15, right, shared)
    return combinations, right, space


def test_of_1000_sweeps_of_noise_50_at_most_claim_anything():
    passed = 0
    for seed in range(1000):
        accuracies = noise(seed)[1].mean(axis=1, dtype=np.float32)
        figures = accuracies.mean(axis=1, dtype=np.float64)
        passed += not may_be_equal(figures, accuracies @ drawn(accuracies.shape[1]) - figures[:, None])
    assert passed <= 50


@pytest.mark.parametrize("seed", range(40))
def test_without_that_nothing_is_claimed(seed):
    combinations, right, space = noise(seed)
    sweep = made(combinations, right)
    figures = np.array([one.val_accuracy for one in sweep.ranking])
    if may_be_equal(figures, sweep.samples - figures[:, None]):
        assert not CLAIM.search(sweep.said(space))


@pytest.mark.parametrize(
    ("combinations", "accuracy", "space", "expected"),
    [
        (GRIDS[1], lambda of: 0.9 - 20 * of.alpha, None, "α mattered most.*bundle of lines through α 0 ends above"),
        (
            GRIDS[3],
            lambda of: 0.9 if of.batch_size == 8 else 0.7,
            None,
            "all of them have batch size 8.*Not tried.*below 8",
        ),
        (
            GRIDS[1],
            lambda of: 0.9 if (of.alpha == 0) == (of.batch_size == 8) else 0.6,
            None,
            "most is uncertain.*lines cross, for on average batch size 8 is best with α 0",
        ),
        (TRIALS, lambda of: 0.5 + 0.1 * np.log10(of.alpha / 1e-5), SPACE, "α mattered most"),
    ],
)
def test_what_was_planted_is_found(combinations, accuracy, space, expected):
    found = 0
    for seed in range(10):
        right = bits([accuracy(of) for of in combinations], 500, np.random.default_rng(seed))
        found += bool(re.search(expected, made(combinations, right).said(space)))
    assert found >= 9


def test_a_lead_of_one_row_is_nothing():
    right = np.ones((12, 27), dtype=bool)
    right[1:, 0] = False
    text = made(GRIDS[1], right).said()
    assert not CLAIM.search(text)
    assert "is uncertain on 27 validation rows" in text
    assert "all 11 others are within noise" in text.lower()
