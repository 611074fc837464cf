"""An optimiser is a value with `init` and `step`: another one is this much, and goes through the whole training."""

from dataclasses import dataclass

import numpy as np
import pytest

from execution.cache import checkpoints
from execution.storage.local import LocalStorage
from softmax import sgd
from softmax.loss import gradient
from tests.softmax.test_sgd import IMAGES, LABELS, ROWS, VALIDATION


@dataclass(frozen=True)
class Adam:
    """Kingma and Ba, ICLR 2015, algorithm 1."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def init(self, parameter):
        return np.zeros_like(parameter), np.zeros_like(parameter)

    def step(self, gradient, state, t):
        m, v = state
        m[...] = self.beta1 * m + (1 - self.beta1) * gradient
        v[...] = self.beta2 * v + (1 - self.beta2) * gradient**2
        return m / (1 - self.beta1**t) / (np.sqrt(v / (1 - self.beta2**t)) + self.epsilon)


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
