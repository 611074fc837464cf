"""The generator of epochs against a plain loop, and its promises: stopping, replaying, continuing."""

import copy
import math
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax import sgd
from softmax.loss import loss, normalized
from tests.trainings import train

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(-0.5, 0.5, (150, 9)).astype(np.float32)
LABELS = (IMAGES @ RNG.standard_normal((9, 4)) + 0.3 * RNG.standard_normal((150, 4))).argmax(axis=1)
ROWS, VALIDATION = np.arange(0, 110), np.arange(110, 150)
DEFAULTS = {"classes": 4, "learning_rate": 0.3, "batch_size": 7, "alpha": 0.01, "max_epochs": 12, "seed": 3}


def run(validation=VALIDATION, **changes):
    """Every state a training yields, each a copy."""
    arguments = DEFAULTS | {"patience": None} | changes
    return [copy.deepcopy(state) for state in train(IMAGES, LABELS, ROWS, validation, **arguments)]


def equal(one, other):
    """Bit for bit."""

    def numbers(state):
        pairs = (state.last, state.best, state.mean or (), *state.moments)
        return [*(a for pair in pairs for a in pair), state.history, [state.best_epoch, state.diverged]]

    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(numbers(one), numbers(other), strict=True))


def rate(learning_rate, decay, epoch, horizon):
    factor = {"none": 1, "inverse_sqrt": epoch**-0.5, "cosine": math.cos(math.pi * (epoch - 1) / 2 / horizon) ** 2}
    return learning_rate * factor[decay]


def textbook(epochs, learning_rate, batch_size, alpha, seed, momentum=0.0, nesterov=False, decay="none", horizon=12):
    """The same training in float64, written with nothing of ours but the seeds. Yields W, b and their means.

    The update is as PyTorch documents that of torch.optim.SGD, the schedules as those of its lr_scheduler.
    """
    images = IMAGES.astype(np.float64)
    W, b = sgd.initial_parameters(9, 4, seed, np.float64)
    parameters, buffers, sums, steps = [np.array(W), b], [None, None], [0.0, 0.0], 0
    for epoch in range(1, epochs + 1):
        order = ROWS[sgd.permutation(seed, epoch, len(ROWS))]
        for start in range(0, len(order), batch_size):
            x, y = images[order[start : start + batch_size]], LABELS[order[start : start + batch_size]]
            W, b = parameters
            e = np.exp(x @ W + b)
            error = e / e.sum(axis=1, keepdims=True) - np.eye(4)[y]
            gradients = [x.T @ error / len(x) + alpha * W, error.mean(axis=0)]
            for i, g in enumerate(gradients):
                if momentum != 0:
                    buffers[i] = g if buffers[i] is None else momentum * buffers[i] + g
                    g = g + momentum * buffers[i] if nesterov else buffers[i]
                parameters[i] = parameters[i] - rate(learning_rate, decay, epoch, horizon) * g
            sums, steps = [total + new for total, new in zip(sums, parameters, strict=True)], steps + 1
        yield *parameters, sums[0] / steps, sums[1] / steps


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("engine", ["numba", "numpy"])
@pytest.mark.parametrize(("batch_size", "alpha"), [(1, 0.0), (7, 0.01), (32, 0.1), (110, 0.0)])
def test_training_is_the_textbook_loop(engine, average, batch_size, alpha):
    states = run(engine=engine, average=average, batch_size=batch_size, alpha=alpha, patience=12)
    expected = list(textbook(12, 0.3, batch_size, alpha, 3))
    assert len(states) == len(expected)
    for state, (W, b, W_mean, b_mean) in zip(states, expected, strict=True):
        np.testing.assert_allclose(state.last.W, W, atol=2e-5)
        np.testing.assert_allclose(state.last.b, b, atol=2e-5)
        judged = (W_mean, b_mean) if average else (W, b)
        row = state.history[-1]
        validation = IMAGES[VALIDATION].astype(np.float64), LABELS[VALIDATION]
        assert row.val_loss == pytest.approx(loss(*judged, *validation, alpha), abs=2e-5)
        assert row.val_accuracy == np.mean((validation[0] @ judged[0] + judged[1]).argmax(1) == validation[1])
    best = min(range(12), key=lambda i: states[-1].history[i].val_loss)
    np.testing.assert_allclose(states[-1].best.W, expected[best][2 if average else 0], atol=2e-5)
    assert states[-1].best_epoch == best + 1


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_grey_levels_train_as_their_inputs_do(engine):
    levels = RNG.integers(0, 256, IMAGES.shape).astype(np.uint8)
    arguments = DEFAULTS | {"engine": engine}
    states = zip(
        train(levels, LABELS, ROWS, VALIDATION, **arguments),
        train(normalized(levels), LABELS, ROWS, VALIDATION, **arguments),
        strict=True,
    )
    for ours, expected in states:
        np.testing.assert_allclose(ours.last.W, expected.last.W, atol=1e-6)
        assert ours.history[-1] == pytest.approx(expected.history[-1], abs=1e-6)


def test_float64_is_the_textbook_loop_to_the_last_digits():
    (*_, state) = run(engine="numpy", dtype=np.float64)
    *_, (W, b, _, _) = textbook(12, 0.3, 7, 0.01, 3)
    np.testing.assert_allclose(state.last.W, W, atol=1e-12)
    np.testing.assert_allclose(state.last.b, b, atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(1, 10**6), st.integers(1, 300))
def test_an_epoch_visits_every_example_once_in_an_order_that_can_be_replayed(seed, epoch, n):
    order = sgd.permutation(seed, epoch, n)
    np.testing.assert_array_equal(np.sort(order), np.arange(n))
    sgd.permutation.cache.clear()
    np.testing.assert_array_equal(order, sgd.permutation(seed, epoch, n))


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {tuple(sgd.permutation(seed, epoch, 50)) for seed in range(5) for epoch in range(1, 6)}
    assert len(orders) == 25


@pytest.mark.parametrize(("n", "dtype"), [(256, np.uint8), (257, np.uint16), (65_536, np.uint16), (65_537, np.uint32)])
def test_an_order_takes_no_more_memory_than_it_needs(n, dtype):
    order = sgd.permutation(1, 1, n)
    assert order.dtype == dtype
    assert order.max() == n - 1


def test_the_first_weights_are_small_normal_and_the_same_for_every_combination():
    W, b = sgd.initial_parameters(300, 100, seed=541)
    assert not b.any()
    assert W.std() == pytest.approx(0.01, rel=0.02)
    assert W.mean() == pytest.approx(0, abs=1e-3)
    np.testing.assert_array_equal(W, sgd.initial_parameters(300, 100, seed=541).W)


def test_training_stops_when_patience_runs_out_and_returns_the_best_epoch():
    states = run(learning_rate=4.0, max_epochs=500, patience=3)
    losses = [row.val_loss for row in states[-1].history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 3 < 500
    assert states[-1].best_epoch == best + 1
    np.testing.assert_array_equal(states[-1].best.W, states[best].last.W)
    for end in range(1, len(losses)):  # and it did not stop too late: no earlier stretch of three without a new best
        assert end - (int(np.argmin(losses[:end])) + 1) < 3


@pytest.mark.parametrize("validation", [None, VALIDATION])
def test_without_validation_or_patience_training_runs_to_its_end(validation):
    states = run(validation=validation, learning_rate=4.0)
    assert len(states) == states[-1].best_epoch == 12
    np.testing.assert_array_equal(states[-1].best.W, states[-1].last.W)
    losses = [row.val_loss for row in states[-1].history]
    assert all(map(math.isnan, losses)) if validation is None else np.argmin(losses) < 11  # an earlier one was better


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_a_diverging_training_says_so_and_stops(engine):
    with np.errstate(all="ignore"):
        states = run(engine=engine, learning_rate=1e38, alpha=1e5, max_epochs=100)
    assert states[-1].diverged
    assert not any(state.diverged for state in states[:-1])
    assert len(states) < 100


@settings(max_examples=25)
@given(
    st.integers(1, 11),
    st.booleans(),
    st.sampled_from(["numba", "numpy"]),
    st.fixed_dictionaries(
        {
            "momentum": st.sampled_from([0.0, 0.9]),
            "nesterov": st.booleans(),
            "decay": st.sampled_from(["none", "inverse_sqrt", "cosine"]),
        }
    ),
)
def test_a_training_continued_from_any_epoch_is_bit_for_bit_the_same(epochs, average, engine, how):
    whole = run(average=average, engine=engine, **how)[-1]
    arguments = DEFAULTS | {"average": average, "engine": engine} | how
    *_, state = islice(train(IMAGES, LABELS, ROWS, VALIDATION, **arguments), epochs)
    *_, resumed = train(IMAGES, LABELS, ROWS, VALIDATION, **arguments, state=copy.deepcopy(state))
    assert equal(resumed, whole)


@pytest.mark.parametrize("validation", [VALIDATION, None], ids=["validated", "not validated"])
@pytest.mark.parametrize(("average", "momentum"), [(False, 0.0), (True, 0.0), (True, 0.9)])
@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_a_training_stopped_in_an_epoch_continues_with_the_same_bits(
    monkeypatch, engine, average, momentum, validation
):
    monkeypatch.setattr(sgd.implementation(engine), "BLOCK", 32)
    how = {"average": average, "momentum": momentum, "engine": engine, "max_epochs": 3}
    whole = run(validation, **how)
    monkeypatch.setattr(sgd, "PART", sgd.STEP)  # a batch, or block, a part
    parts = 16 if validation is None else 18
    arguments = DEFAULTS | how
    for looks in range(parts, 3 * parts + 1):
        answers = iter([False] * looks)
        stop = lambda answers=answers: next(answers, True)  # noqa: E731
        *_, state = train(IMAGES, LABELS, ROWS, validation, **arguments, stop=stop)
        assert len(state.history) == looks // parts
        assert equal(state, whole[looks // parts - 1])
        for continued in train(IMAGES, LABELS, ROWS, validation, **arguments, state=state):
            assert equal(continued, whole[len(continued.history) - 1])
        assert len(state.history) == 3


def test_a_long_epoch_is_cut_between_batches():
    for batch_size in (8, 16, 32, 64):
        assert len(sgd.parts(np.arange(60_000), batch_size, 784 * 10)) == 1
    assert len(sgd.parts(np.arange(12_000), 32, 784 * 10)) == 1
    assert len(sgd.parts(np.arange(60_000), 1, 784 * 10)) > 1  # many small steps
    assert len(sgd.parts(np.arange(10**8), 10**6, 2)) > 1  # many small rows


@given(st.integers(1, 10**5), st.integers(1, 10**5), st.integers(1, 10**9))
def test_parts_are_whole_batches_and_together_all_rows(n, batch_size, weights):
    parts = sgd.parts(np.arange(n), batch_size, weights)
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(n))
    for part in parts:
        assert part[0] % batch_size == 0
        assert len(part) <= batch_size or 2 * len(part) * weights <= sgd.PART


def test_numba_is_imported_only_by_the_engine_that_needs_it():
    code = """
import sys
import numpy as np
from softmax import check, sgd
data = np.zeros((4, 3), np.float32), np.arange(4) % 2, np.arange(3), np.array([3])
recipe = dict(classes=2, rate=lambda epoch: 0.1, batch_size=2, alpha=0.0, max_epochs=1, seed=0)
for engine in ("numpy", "numba"):
    list(sgd.train(*data, **recipe, engine=engine))
    print("numba" in sys.modules)
"""
    root = Path(sgd.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_a_finished_training_continues_with_nothing():
    (*_, state) = run()
    assert not list(train(IMAGES, LABELS, ROWS, VALIDATION, **DEFAULTS, state=state))
