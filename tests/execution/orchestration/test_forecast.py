"""Forecasts against what came: the default sweep, replayed from its recorded learning curves."""

from pathlib import Path

import numpy as np
import pytest

from execution.orchestration.forecast import (
    Standing,
    expected_epochs,
    forecast,
    halved_epochs,
    slowness,
)
from experiment.axes import Combination
from experiment.config import Experiment

PATIENCE, MOST = 10, 1000
SECONDS = {8: 0.0136, 16: 0.0124, 32: 0.0114, 64: 0.0112}  # an epoch, by batch size, and what each training takes more
MORE = 0.08


@pytest.fixture(scope="module")
def curves():
    """The validation losses of every combination of the default grid, in its order."""
    with np.load(Path(__file__).with_name("default_sweep.npz")) as recorded:
        losses = np.split(recorded["val_loss"], np.cumsum(recorded["epochs"])[:-1])
        grid = [Combination(learning_rate=r, batch_size=int(b), alpha=a) for r, b, a in recorded["grid"].tolist()]
    assert tuple(grid) == Experiment().combinations
    return dict(zip(grid, losses, strict=True))


def schedule(curves, workers):
    """When each training begins and ends, the slowest first, as the sweep submits them."""
    free, found = [0.0] * workers, {}
    for one in sorted(curves, key=slowness, reverse=True):
        worker = free.index(min(free))
        begins = free[worker]
        free[worker] = begins + MORE + len(curves[one]) * SECONDS[one.batch_size]
        found[one] = begins, free[worker]
    return found


def standing(one, losses, begins, ends, now):
    """What is known of a training at some time; a running one says so every second."""
    if now >= ends:
        epochs, seconds, expected = len(losses), ends - begins, len(losses)
    else:
        seconds = float(int(now - begins))
        epochs = min(int((seconds - MORE) / SECONDS[one.batch_size]), len(losses))
        if epochs < 1:
            return None
        expected = expected_epochs(losses[:epochs], PATIENCE, MOST)
    return Standing(combination=one, seed=1, epochs=epochs, before=0, seconds=seconds, expected=expected)


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_what_is_left_of_the_default_sweep_is_known_within_half(curves, workers):
    times = schedule(curves, workers)
    end, jobs = max(ends for _, ends in times.values()), list(times)
    for fraction in np.arange(0.1, 0.96, 0.05):
        now = fraction * end
        seen = {i: standing(one, curves[one], *times[one], now) for i, one in enumerate(jobs)}
        found = forecast(jobs, {i: one for i, one in seen.items() if one}, 0, PATIENCE, MOST)
        found.left[[i for i, one in enumerate(jobs) if now >= times[one][1]]] = 0
        assert 1 / 1.5 < found.seconds(workers) / (end - now) < 1.5, fraction


def test_a_learning_curve_says_when_it_will_stop(curves):
    """Of those that are to train for as long again, at least."""
    for losses in curves.values():
        for epochs in (80, 160, 320):
            if len(losses) >= 2 * epochs:
                assert 0.5 < expected_epochs(losses[:epochs], PATIENCE, MOST) / len(losses) < 2.5


@pytest.mark.parametrize("losses", [[], [1.0], [1.0] * 50, [np.nan] * 50, list(range(50)), [1e300, 1.0] * 20])
def test_no_curve_is_too_odd(losses):
    assert 0 <= expected_epochs(losses, PATIENCE, MOST) <= MOST


def test_nothing_is_said_before_anything_is_known():
    jobs = Experiment().combinations
    begun = Standing(combination=jobs[0], seed=1, epochs=0, before=0, seconds=1.0, expected=1)
    assert forecast(jobs, {}, 0, PATIENCE, MOST) is None
    assert forecast(jobs, {0: begun}, 0, PATIENCE, MOST) is None


def test_a_training_that_has_just_begun_says_nothing_of_the_others():
    """Nor of itself, as long as others are known better."""
    jobs = Experiment().combinations
    slow, begun = (jobs.index(Combination(learning_rate=0.001, batch_size=b, alpha=0)) for b in (64, 32))
    ended = Standing(combination=jobs[slow], seed=1, epochs=1000, before=0, seconds=10.0, expected=1000)
    young = Standing(combination=jobs[begun], seed=1, epochs=10, before=0, seconds=0.1, expected=100)
    alone, both = (forecast(jobs, known, 0, PATIENCE, MOST) for known in ({slow: ended}, {slow: ended, begun: young}))
    np.testing.assert_array_equal(both.expected, alone.expected)
    assert both.left.sum() == alone.left.sum() - 10


def test_epochs_of_halving_are_those_of_its_rungs():
    rungs = Experiment(halving=3, first_rung=3).rungs  # 36 to 3, 12 to 9, 4 to 27, 2 to 81, the last one to its end
    assert halved_epochs(36, rungs, 3, 107) == 36 * 3 + 12 * 6 + 4 * 18 + 2 * 54 + 1 * 26
    assert halved_epochs(12, rungs[1:], 3, 107, before=3) == 12 * 6 + 4 * 18 + 2 * 54 + 1 * 26
    assert halved_epochs(36, (None,), None, 107) == 36 * 107
