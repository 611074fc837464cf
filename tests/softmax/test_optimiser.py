"""Adam against PyTorch's formula in float64; another optimiser is a value with `init` and `step`."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution.cache import checkpoints
from execution.storage.local import LocalStorage
from softmax import kernels, reference, sgd
from softmax.loss import gradient
from softmax.optimiser import Adam
from tests.softmax.test_kernels import problem, shapes
from tests.softmax.test_sgd import IMAGES, LABELS, ROWS, VALIDATION

HOW = {"classes": 4, "rate": lambda epoch: 0.02, "batch_size": 7, "alpha": 0.01, "max_epochs": 5, "seed": 3}


def textbook(epochs):
    """PyTorch's documented formula, which keeps the two corrections apart, in float64."""
    theta = list(sgd.initial_parameters(9, 4, 3, np.float64))
    m, v, t = [0.0, 0.0], [0.0, 0.0], 0
    for epoch in range(1, epochs + 1):
        order = ROWS[sgd.permutation(3, epoch, len(ROWS))]
        for batch in (order[start : start + 7] for start in range(0, len(order), 7)):
            t += 1
            for i, g in enumerate(gradient(*theta, IMAGES[batch].astype(float), LABELS[batch], 0.01)):
                m[i], v[i] = 0.9 * m[i] + 0.1 * g, 0.999 * v[i] + 0.001 * g * g
                theta[i] = theta[i] - 0.02 / (1 - 0.9**t) * m[i] / (np.sqrt(v[i]) / np.sqrt(1 - 0.999**t) + 1e-8)
    return theta


@pytest.mark.parametrize(("engine", "dtype", "within"), [("numpy", np.float64, 1e-12), ("numba", np.float32, 1e-4)])
def test_adam_is_the_textbooks_and_goes_on_from_a_checkpoint(engine, dtype, within, tmp_path):
    storage, data = LocalStorage(root=tmp_path), (IMAGES, LABELS, ROWS, VALIDATION)
    how = HOW | {"optimiser": Adam(), "engine": engine, "dtype": dtype}
    for state in sgd.train(*data, **how):
        if len(state.history) == 2:
            checkpoints.save(storage, "adam", state)
    for found, expected in zip(state.last, textbook(5), strict=True):
        np.testing.assert_allclose(found, expected, atol=within)
    *_, resumed = sgd.train(*data, **how, state=checkpoints.load(storage, "adam"))
    assert all(np.array_equal(*pair) for pair in zip(resumed.last, state.last, strict=True))


def test_another_optimiser_goes_through_the_whole_training():
    class Signs:
        """SignSGD (Bernstein and others, ICML 2018)."""

        def init(self, parameter):
            return ()

        def step(self, gradient, state, t):
            return np.sign(gradient)

    data = (IMAGES, LABELS, ROWS, VALIDATION)
    *_, state = sgd.train(*data, **HOW | {"optimiser": Signs(), "max_epochs": 1, "rate": lambda epoch: 0.25})
    start = sgd.initial_parameters(9, 4, 3)
    steps = (state.last.W - start.W) / 0.25
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-5)
    assert np.abs(steps).max() >= 1


@settings(max_examples=60)
@given(**shapes, batch_size=st.integers(1, 100), alpha=st.sampled_from([0.0, 0.3]), first=st.integers(1, 10**5))
def test_a_compiled_epoch_of_adam_is_the_references_in_float64_from_any_moments(
    seed, m, c, n, grey, batch_size, alpha, first
):
    W, b, images, labels, order = problem(seed, m, c, n, grey)
    means, squares = (problem(seed + i, m, c, n)[:2] for i in (1, 2))
    moments = [tuple(0.1 * one for one in means), tuple(0.01 + np.square(one) for one in squares)]
    exact = [array.astype(float) for array in (W, b)], [tuple(one.astype(float) for one in pair) for pair in moments]
    losses = [
        epoch(*start, images, labels, order, batch_size, 0.01, alpha, optimiser=Adam(), moments=state, first=first)
        for epoch, start, state in ((kernels.sgd_epoch, (W, b), moments), (reference.sgd_epoch, *exact))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=5e-6, abs=1e-5 * n)
    for found, truth in zip((W, b, *moments[0], *moments[1]), (*exact[0], *exact[1][0], *exact[1][1]), strict=True):
        np.testing.assert_allclose(found, truth, atol=1e-5)


def test_an_epoch_of_adam_in_parts_is_the_whole_one_to_the_bit():
    W, b, images, labels, order = problem(3, 50, 10, 96, True)
    results = []
    for cuts in ((0, 96), (0, 32, 80, 96)):
        start, loss = (W.copy(order="F"), b.copy()), 0.0
        moments = list(zip(Adam().init(W), Adam().init(b), strict=True))
        for low, high in itertools.pairwise(cuts):
            args = (*start, images, labels, order[low:high], 16, 0.01, 0.1)
            loss = kernels.sgd_epoch(*args, loss=loss, optimiser=Adam(), moments=moments, first=1 + low // 16)
        results.append([*start, *moments[0], *moments[1], np.array(loss)])
    assert all(np.array_equal(*pair) for pair in zip(*results, strict=True))
