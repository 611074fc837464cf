"""The model against scikit-learn, float64 and finite differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import accuracy_score, log_loss

from softmax.loss import (
    accuracy,
    cross_entropy,
    gradient,
    inputs,
    log_softmax,
    loss,
    normalized,
    one_hot,
    softmax,
)

SIZES = st.tuples(st.integers(1, 20), st.integers(1, 12), st.integers(2, 9))  # n, m, c


def problem(sizes, seed, dtype=np.float64):
    n, m, c = sizes
    rng = np.random.default_rng(seed)
    W, b = rng.standard_normal((m, c)).astype(dtype), rng.standard_normal(c).astype(dtype)
    return W, b, rng.uniform(-0.5, 0.5, (n, m)).astype(dtype), rng.integers(0, c, n)


@given(SIZES, st.integers(0, 2**32 - 1))
def test_cross_entropy_and_accuracy_are_those_of_scikit_learn(sizes, seed):
    W, b, images, labels = problem(sizes, seed)
    logits = images @ W + b
    classes = np.arange(sizes[2])
    assert cross_entropy(logits, labels) == pytest.approx(log_loss(labels, softmax(logits), labels=classes), rel=1e-9)
    assert accuracy(logits, labels) == accuracy_score(labels, logits.argmax(axis=1))


@given(SIZES, st.integers(0, 2**32 - 1), st.floats(0, 2))
def test_gradient_is_the_limit_of_difference_quotients(sizes, seed, alpha):
    W, b, images, labels = problem(sizes, seed)
    grad_W, grad_b = gradient(W, b, images, labels, alpha)
    h = 1e-6
    for parameter, grad in ((W, grad_W), (b, grad_b)):
        for index in np.ndindex(parameter.shape):
            kept = parameter[index]
            parameter[index] = kept + h
            above = loss(W, b, images, labels, alpha)
            parameter[index] = kept - h
            below = loss(W, b, images, labels, alpha)
            parameter[index] = kept
            assert grad[index] == pytest.approx((above - below) / (2 * h), rel=1e-4, abs=1e-7)


@given(SIZES, st.integers(0, 2**32 - 1))
def test_weights_are_penalised_and_biases_are_not(sizes, seed):
    W, b, images, labels = problem(sizes, seed)
    plain, strong = gradient(W, b, images, labels, 0.0), gradient(W, b, images, labels, 3.0)
    np.testing.assert_allclose(strong[0] - plain[0], 3.0 * W, atol=1e-12)
    np.testing.assert_array_equal(strong[1], plain[1])
    penalty = loss(W, b, images, labels, 3.0) - loss(W, b, images, labels, 0.0)
    assert penalty == pytest.approx(1.5 * np.linalg.norm(W) ** 2)


@given(SIZES, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.01]))
def test_float32_agrees_with_float64(sizes, seed, alpha):
    W, b, images, labels = problem(sizes, seed, np.float32)
    wide = [array.astype(np.float64) for array in (W, b, images)]
    assert loss(W, b, images, labels, alpha) == pytest.approx(loss(*wide, labels, alpha), rel=1e-5, abs=1e-5)
    for narrow, exact in zip(gradient(W, b, images, labels, alpha), gradient(*wide, labels, alpha), strict=True):
        assert narrow.dtype == np.float32
        np.testing.assert_allclose(narrow, exact, atol=2e-5)


@given(
    st.sampled_from([np.float32, np.float64]).flatmap(
        lambda dtype: hnp.arrays(
            dtype,
            st.tuples(st.integers(1, 6), st.integers(2, 9)),
            elements={"allow_nan": False, "allow_infinity": False},
        )
    )
)
def test_log_softmax_of_any_finite_logits_is_finite_and_sums_to_one(logits):
    log_probabilities = log_softmax(logits)
    assert log_probabilities.dtype == logits.dtype
    assert np.isfinite(log_probabilities).all()
    assert (log_probabilities <= 0).all()
    np.testing.assert_allclose(softmax(logits).sum(axis=1), 1, rtol=1e-5)


def test_a_hopeless_prediction_keeps_its_own_loss():
    """Not one constant for all rows as soon as one probability underflows to 0."""
    logits = np.array([[0.0, 2000.0], [1.0, 0.0]])
    assert cross_entropy(logits[:1], np.array([0])) == pytest.approx(2000.0)
    assert cross_entropy(logits[1:], np.array([0])) == pytest.approx(np.log1p(np.exp(-1.0)))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32, np.uint64, np.int64])
def test_one_hot_takes_any_integers_and_counts_from_zero(dtype):
    np.testing.assert_array_equal(one_hot(np.array([0, 2, 1], dtype=dtype), 3), np.eye(3)[[0, 2, 1]])


@pytest.mark.parametrize(
    ("labels", "words"), [([0, 3], "0 … 2"), ([-1, 0], "0 … 2"), ([0.0, 1.0], "integers"), ([True], "integers")]
)
def test_one_hot_refuses_what_is_no_class(labels, words):
    with pytest.raises(ValueError, match=words):
        one_hot(np.array(labels), 3)


def test_grey_levels_become_inputs_between_minus_and_plus_one_half():
    pixels = np.arange(256, dtype=np.uint8).reshape(2, 128)
    assert normalized(pixels).dtype == np.float32
    np.testing.assert_allclose(normalized(pixels).ravel(), np.arange(256) / 255 - 0.5, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_grey_levels_are_normalised_and_whatever_else_is_taken_as_it_is(dtype):
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    for images, expected in ((pixels, normalized(pixels)), (pixels / 7, pixels / 7)):
        found = inputs(images, dtype)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected.astype(dtype))
