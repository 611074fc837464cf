"""The assignment's intermediate results in docs/derivation.md, against finite differences in float64."""

import numpy as np
import pytest

from softmax.loss import gradient, softmax

M, C, H = 4, 3, 1e-6
rng = np.random.default_rng(541)
W, b, x = rng.standard_normal((M, C)), rng.standard_normal(C), rng.standard_normal(M)
Y_HAT = softmax((x @ W + b)[None])[0]


def moved(k, at, j=None):
    """The derivative of ŷ_k by W[j, at], or by b[at], from central differences."""
    ends = []
    for step in (H, -H):
        V, d = W.copy(), b.copy()
        if j is None:
            d[at] += step
        else:
            V[j, at] += step
        ends.append(softmax((x @ V + d)[None])[0, k])
    return (ends[0] - ends[1]) / (2 * H)


@pytest.mark.parametrize("at", range(C))
@pytest.mark.parametrize("k", range(C))
def test_the_gradients_of_a_probability(k, at):
    factor = Y_HAT[at] * (1 - Y_HAT[at]) if k == at else -Y_HAT[k] * Y_HAT[at]
    np.testing.assert_allclose([moved(k, at, j) for j in range(M)], x * factor, atol=1e-8)
    assert moved(k, at) == pytest.approx(factor, abs=1e-8)


@pytest.mark.parametrize("true", range(C))
def test_summed_over_the_classes_they_are_the_gradient_of_the_loss(true):
    by_weights = [-moved(true, at, j) / Y_HAT[true] for j in range(M) for at in range(C)]
    grad_W, grad_b = gradient(W, b, x[None], np.array([true]), 0.0)
    np.testing.assert_allclose(by_weights, grad_W.ravel(), atol=1e-7)
    np.testing.assert_allclose([-moved(true, at) / Y_HAT[true] for at in range(C)], grad_b, atol=1e-7)
