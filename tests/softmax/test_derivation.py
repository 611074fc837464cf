"""Each formula of docs/derivation.md, by section, against finite differences of softmax.loss in float64."""

import inspect
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import ArrayLike, NDArray

from softmax import loss as module
from softmax.decay import decayed
from softmax.loss import accuracy, cross_entropy, gradient, log_softmax, loss, one_hot, penalty, softmax
from softmax.optimiser import SGD, Adam
from softmax.reference import sgd_epoch

Array = NDArray[np.float64]
PAGE = Path(__file__).parents[2] / "docs" / "derivation.md"
ALPHA = 0.3
n, m, c = 7, 4, 3

rng = np.random.default_rng(541)
W, b, X = rng.standard_normal((m, c)), rng.standard_normal(c), rng.standard_normal((n, m))
labels = np.array([0, 1, 2, 0, 2, 2, 1], dtype=np.uint8)
Y = one_hot(labels, c, np.float64)
Z = X @ W + b
Y_hat = softmax(Z)


def derivative(function: Callable[[Array], ArrayLike], at: Array, h: float = 1e-5) -> Array:
    """Central differences of an array-valued function; indexed by output first, then by input."""
    result = []
    for index in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[index] = h
        result.append((np.asarray(function(at + step)) - np.asarray(function(at - step))) / (2 * h))
    return np.stack(result, axis=-1).reshape(*result[0].shape, *at.shape)


def test_the_page_names_functions_as_they_are() -> None:
    named = re.findall(r"`(\w+)\(([^)`]*)\)", PAGE.read_text(encoding="utf-8"))
    assert {name for name, _ in named} == {
        *("one_hot", "softmax", "log_softmax", "cross_entropy", "penalty", "loss", "gradient", "accuracy")
    }
    for name, arguments in named:
        parameters = list(inspect.signature(getattr(module, name)).parameters)
        assert parameters[: len(arguments.split(", "))] == arguments.split(", ")


def test_section_1_the_objective_is_the_double_sum_and_the_penalty() -> None:
    assert_array_equal(Y.sum(axis=1), np.ones(n))
    assert_array_equal(Y.argmax(axis=1), labels)
    assert_allclose(Y_hat, np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True), rtol=1e-12)
    double_sum = -sum(Y[i, k] * np.log(Y_hat[i, k]) for i in range(n) for k in range(c)) / n
    assert cross_entropy(Z, labels) == pytest.approx(double_sum, rel=1e-12)
    assert penalty(W, ALPHA) == pytest.approx(ALPHA / 2 * sum(w**2 for w in W.flat), rel=1e-12)
    assert loss(W, b, X, labels, ALPHA) == pytest.approx(double_sum + penalty(W, ALPHA), rel=1e-12)


def test_section_1_the_predicted_class_is_the_most_probable_one() -> None:
    assert accuracy(Z, labels) == np.mean([Y_hat[i].argmax() == labels[i] for i in range(n)])
    assert accuracy(Y, labels) == 1


def test_section_2_both_cases_of_the_softmax_jacobian() -> None:
    for z, y_hat in zip(Z, Y_hat, strict=True):
        jacobian = derivative(lambda v: softmax(v[None, :])[0], z)
        for k in range(c):
            for l in range(c):  # noqa: E741 - the page's index
                expected = y_hat[k] * (1 - y_hat[k]) if l == k else -y_hat[k] * y_hat[l]
                assert jacobian[k, l] == pytest.approx(expected, abs=1e-9)
        delta = np.eye(c)
        assert_allclose(jacobian, y_hat[:, None] * (delta - y_hat[None, :]), atol=1e-9)


@pytest.mark.parametrize("i", range(n))
def test_section_3_the_gradient_by_the_logits_is_the_error(i: int) -> None:
    y_hat, y = Y_hat[i], Y[i]
    found = derivative(lambda z: cross_entropy(z[None, :], labels[i : i + 1]), Z[i])
    assert_allclose(found, y_hat - y, atol=1e-9)
    softmax_jacobian = y_hat[:, None] * (np.eye(c) - y_hat)
    assert_allclose(-(y / y_hat) @ softmax_jacobian, y_hat - y, atol=1e-14)


@pytest.mark.parametrize("i", range(n))
def test_section_4_one_example_has_the_outer_product_and_the_error(i: int) -> None:
    x, label, error = X[i : i + 1], labels[i : i + 1], Y_hat[i] - Y[i]
    assert_allclose(derivative(lambda v: loss(v, b, x, label, 0), W), np.outer(x, error), atol=1e-9)
    assert_allclose(derivative(lambda v: loss(W, v, x, label, 0), b), error, atol=1e-9)


def test_section_5_the_penalty_pulls_on_weights_and_leaves_biases_alone() -> None:
    assert_allclose(derivative(lambda v: penalty(v, ALPHA), W), ALPHA * W, atol=1e-9)
    with_W, with_b = gradient(W, b, X, labels, ALPHA)
    without_W, without_b = gradient(W, b, X, labels, 0)
    assert_allclose(with_W - without_W, ALPHA * W, rtol=1e-12)
    assert_array_equal(with_b, without_b)
    far = b + 5 * np.arange(c)
    change = loss(W, far, X, labels, ALPHA) - loss(W, far, X, labels, 0)
    assert change == pytest.approx(penalty(W, ALPHA), rel=1e-12)


def test_section_5_free_biases_end_at_the_class_frequencies() -> None:
    bias = b.copy()
    for _ in range(500):
        bias -= gradient(W, bias, X, labels, ALPHA)[1]
    assert_allclose(softmax(X @ W + bias).mean(axis=0), Y.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("alpha", [0, ALPHA])
def test_section_6_the_gradient_is_the_derivative_of_the_loss(alpha: float) -> None:
    grad_W, grad_b = gradient(W, b, X, labels, alpha)
    assert_allclose(grad_W, derivative(lambda v: loss(v, b, X, labels, alpha), W), atol=1e-9)
    assert_allclose(grad_b, derivative(lambda v: loss(W, v, X, labels, alpha), b), atol=1e-9)


@pytest.mark.parametrize("alpha", [0, ALPHA])
def test_section_6_sums_over_examples_and_matrix_products_agree(alpha: float) -> None:
    grad_W, grad_b = gradient(W, b, X, labels, alpha)
    for l in range(c):  # noqa: E741 - the page's index
        summed = -sum(X[i] * (Y[i, l] - Y_hat[i, l]) for i in range(n)) / n + alpha * W[:, l]
        assert_allclose(grad_W[:, l], summed, atol=1e-14)
    assert_allclose(grad_W, X.T @ (Y_hat - Y) / n + alpha * W, atol=1e-14)
    assert_allclose(grad_b, -sum(Y[i] - Y_hat[i] for i in range(n)) / n, atol=1e-14)
    assert_allclose(grad_b, np.ones(n) @ (Y_hat - Y) / n, atol=1e-14)


def test_section_7_a_probability_that_rounds_to_0_keeps_its_logarithm() -> None:
    assert np.exp(-1000.0) == 0
    assert_array_equal(log_softmax(np.array([[0.0, -1000.0]])), [[0, -1000]])


@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, 88.7), (np.float64, 709.7)])
def test_section_7_logits_whose_exponentials_overflow(dtype: type[np.floating], limit: float) -> None:
    with np.errstate(over="ignore"):
        assert_array_equal(np.isinf(np.exp(np.array([limit, limit + 0.2], dtype))), [False, True])
    logits: NDArray[np.floating] = np.array([[2 * limit, 2 * limit - 1, 0]], dtype)
    expected = np.array([[0, -1, -2 * limit]]) - np.log1p(np.exp(-1))
    assert_allclose(log_softmax(logits), expected, rtol=1e-5)
    assert_allclose(softmax(logits), np.exp(expected), rtol=1e-5, atol=1e-30)
    assert cross_entropy(logits, np.array([2])) == pytest.approx(-expected[0, 2], rel=1e-5)


def test_section_7_the_shift_changes_nothing() -> None:
    log_sum = np.log(np.exp(Z).sum(axis=1, keepdims=True))
    M = Z.max(axis=1, keepdims=True)
    shifted_sum = np.exp(Z - M).sum(axis=1, keepdims=True)
    assert_allclose(M + np.log(shifted_sum), log_sum, rtol=1e-12)
    assert ((shifted_sum >= 1) & (shifted_sum <= c)).all()
    assert_allclose(log_softmax(Z), Z - log_sum, rtol=1e-12)
    assert cross_entropy(Z, labels) == pytest.approx(np.mean(log_sum[:, 0] - Z[range(n), labels]), rel=1e-12)
    log_sum_exp = derivative(lambda v: np.log(np.exp(v).sum()), Z[0])
    assert_allclose(log_sum_exp, Y_hat[0], atol=1e-9)


@pytest.mark.parametrize("size", [1, 3, n])
def test_section_8_minibatch_gradients_average_to_the_full_gradient(size: int) -> None:
    batches = [list(batch) for batch in combinations(range(n), size)]
    found = [gradient(W, b, X[batch], labels[batch], ALPHA) for batch in batches]
    for mean, full in zip(
        (np.mean([g[part] for g in found], axis=0) for part in (0, 1)),
        gradient(W, b, X, labels, ALPHA),
        strict=True,
    ):
        assert_allclose(mean, full, atol=1e-12)


def test_section_8_averages_are_no_worse_than_iterates() -> None:
    weights, biases = rng.standard_normal((20, m, c)), rng.standard_normal((20, c))
    of_each = [loss(W_t, b_t, X, labels, ALPHA) for W_t, b_t in zip(weights, biases, strict=True)]
    assert loss(weights.mean(axis=0), biases.mean(axis=0), X, labels, ALPHA) <= np.mean(of_each)


@pytest.mark.parametrize("nesterov", [False, True])
def test_section_9_the_velocity_is_the_sum_of_all_gradients_each_fading_by_mu(nesterov: bool) -> None:
    mu, rate, at, v, gradients = 0.6, 0.2, W.copy(), (np.zeros_like(W), np.zeros_like(b)), []
    bias = b.copy()
    for step in range(1, 6):
        gradients.append(gradient(at, bias, X, labels, ALPHA)[0])
        unrolled = sum((mu ** (step - s) * g for s, g in enumerate(gradients, start=1)), np.zeros_like(W))
        expected = at - rate * (gradients[-1] + mu * unrolled if nesterov else unrolled)
        moving = SGD(mu, nesterov)
        sgd_epoch(at, bias, X, labels, np.arange(n), n, rate, ALPHA, optimiser=moving, moments=[v])
        assert_allclose(at, expected, atol=1e-12)


def test_section_9_with_a_constant_rate_the_older_form_is_the_same() -> None:
    mu, rate, at, bias, v = 0.6, 0.2, W.copy(), b.copy(), (np.zeros_like(W), np.zeros_like(b))
    older, u, older_bias, u_bias = W.copy(), np.zeros_like(W), b.copy(), np.zeros_like(b)
    for _ in range(5):
        sgd_epoch(at, bias, X, labels, np.arange(n), n, rate, ALPHA, optimiser=SGD(mu), moments=[v])
        g, g_bias = gradient(older, older_bias, X, labels, ALPHA)
        u, u_bias = mu * u - rate * g, mu * u_bias - rate * g_bias
        older, older_bias = older + u, older_bias + u_bias
    assert_allclose(at, older, atol=1e-12)


def test_section_9_the_rates_are_those_of_the_page() -> None:
    for t in range(1, 8):
        assert decayed(0.3, "none", t, 7) == 0.3
        assert decayed(0.3, "inverse_sqrt", t, 7) == pytest.approx(0.3 / t**0.5)
        assert decayed(0.3, "cosine", t, 7) == pytest.approx(0.15 * (1 + np.cos(np.pi * (t - 1) / 7)))


def test_section_10_corrected_means_are_means_of_all_gradients() -> None:
    adam, gradients = Adam(), rng.standard_normal((6, m, c))
    state = adam.init(W)
    for t, g in enumerate(gradients, start=1):
        direction = adam.step(g, state, t)
        parts = [[beta ** (t - s) for s in range(1, t + 1)] for beta in (adam.beta1, adam.beta2)]
        mean = np.average(gradients[:t], axis=0, weights=parts[0])
        square = np.average(gradients[:t] ** 2, axis=0, weights=parts[1])
        assert_allclose(direction, mean / (np.sqrt(square) + adam.epsilon), rtol=1e-12)
    state = adam.init(W)
    for t in range(1, 4):
        assert_allclose(adam.step(gradients[0], state, t), np.sign(gradients[0]), rtol=1e-6)
