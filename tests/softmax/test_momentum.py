"""Momentum and decay against PyTorch's documented update, written out in float64, and against their absence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax.decay import decayed
from softmax.kernels import sgd_epoch
from softmax.loss import loss
from softmax.optimiser import SGD
from tests.softmax.test_kernels import problem, shapes
from tests.softmax.test_kernels import textbook as textbook_epoch
from tests.softmax.test_sgd import IMAGES, LABELS, VALIDATION, equal, rate, run, textbook

MOVING = [
    {"momentum": 0.9}, {"momentum": 0.5, "nesterov": True}, {"decay": "inverse_sqrt"}, {"decay": "cosine"},
    {"momentum": 0.9, "nesterov": True, "decay": "cosine", "horizon": 20},
]  # fmt: skip


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("engine", ["numba", "numpy"])
@pytest.mark.parametrize("how", MOVING, ids=str)
def test_momentum_and_decay_are_pytorchs_written_out(engine, average, how):
    states = run(engine=engine, average=average, learning_rate=0.1, **how)
    for state, (W, b, W_mean, b_mean) in zip(states, textbook(12, 0.1, 7, 0.01, 3, **how), strict=True):
        np.testing.assert_allclose(state.last.W, W, atol=3e-5)
        np.testing.assert_allclose(state.last.b, b, atol=3e-5)
        judged = (W_mean, b_mean) if average else (W, b)
        validation = IMAGES[VALIDATION].astype(np.float64), LABELS[VALIDATION]
        assert state.history[-1].val_loss == pytest.approx(loss(*judged, *validation, 0.01), abs=3e-5)


@pytest.mark.parametrize("how", MOVING, ids=str)
def test_momentum_and_decay_in_float64_are_pytorchs_to_the_last_digits(how):
    (*_, state) = run(engine="numpy", dtype=np.float64, **how)
    *_, (W, b, _, _) = textbook(12, 0.3, 7, 0.01, 3, **how)
    np.testing.assert_allclose(state.last.W, W, atol=1e-12)
    np.testing.assert_allclose(state.last.b, b, atol=1e-12)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_no_momentum_and_no_decay_are_the_plain_training_to_the_bit(engine):
    plain = run(engine=engine)
    for how in ({"momentum": 0.0, "decay": "none", "horizon": 5}, {"momentum": 0.0, "nesterov": True}):
        assert all(equal(*pair) for pair in zip(run(engine=engine, **how), plain, strict=True))
    assert plain[-1].moments == ()


@given(st.floats(1e-9, 1e9), st.sampled_from(["inverse_sqrt", "cosine"]), st.integers(1, 10**4), st.integers(0, 10**4))
def test_a_decay_begins_with_the_learning_rate_and_falls_without_reaching_0(learning_rate, decay, epoch, beyond):
    horizon = epoch + 1 + beyond
    assert decayed(learning_rate, decay, 1, horizon) == learning_rate
    now, next_one = (decayed(learning_rate, decay, at, horizon) for at in (epoch, epoch + 1))
    assert learning_rate >= now > next_one > 0
    assert now == pytest.approx(rate(learning_rate, decay, epoch, horizon), rel=1e-6)


def test_a_training_cut_short_has_the_rates_of_the_whole_one():
    whole = run(decay="cosine", momentum=0.9)
    short = run(decay="cosine", momentum=0.9, max_epochs=5, horizon=12)
    assert equal(short[-1], whole[4])
    assert not equal(run(decay="cosine", momentum=0.9, max_epochs=5)[-1], whole[4])


@settings(max_examples=100)
@given(
    **shapes,
    batch_size=st.integers(1, 100),
    alpha=st.sampled_from([0.0, 0.3]),
    momentum=st.sampled_from([0.0, 0.5, 0.9]),
    nesterov=st.booleans(),
    averaging=st.booleans(),
)
def test_an_epoch_with_momentum_is_the_textbook_one_from_any_velocity(
    seed, m, c, n, grey, batch_size, alpha, momentum, nesterov, averaging
):
    W, b, images, labels, order = problem(seed, m, c, n, grey)
    velocity = [0.1 * array for array in problem(seed + 1, m, c, n)[:2]]
    expected = [v.astype(float) for v in velocity]
    textbooks = textbook_epoch(W, b, images, labels, order, batch_size, 0.05, alpha, expected, momentum, nesterov)
    how = {"optimiser": SGD(momentum, nesterov), "moments": [velocity]}
    sums = {"W_sum": np.zeros((m, c), order="F"), "b_sum": np.zeros(c)} if averaging else {}
    loss = sgd_epoch(W, b, images, labels, order, batch_size, 0.05, alpha, **how, **sums)
    assert loss == pytest.approx(textbooks[2], rel=5e-6, abs=1e-5 * n)
    for found, truth in zip((W, b, *velocity), (*textbooks[:2], *expected), strict=True):
        np.testing.assert_allclose(found, truth, atol=1e-5)
    if averaging:
        np.testing.assert_allclose(sums["W_sum"], textbooks[3], atol=1e-5 * n)
