"""Affine maps, compositions and their gradients, against hand values and central differences."""

import re
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import ArrayLike

from softmax import affine as module
from softmax.affine import Array, Layers, affine, compose, gradients
from softmax.loss import gradient, softmax

# f(x) = x1 - 2 x2 + x3/4 after g(x) = (x1 + 2 x2, x2, -x1 + 3), as plain lists
W1, b1 = [[1, 2], [0, 1], [-1, 0]], [0, 0, 3]
W2, b2 = [[1, -2, 0.25]], [0]
L: Layers = [(W1, b1), (W2, b2)]
x = [-1, 1]


def column(v: ArrayLike) -> Array:
    return np.asarray(v, dtype=np.float64).reshape(-1, 1)


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[tuple[Array, Array]], Array]:
    """A scalar-valued chain of 1 to 5 layers and its input, all 1-D."""
    widths = [*draw(st.lists(st.integers(1, 5), min_size=1, max_size=5)), 1]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layers = [(rng.standard_normal((d_out, d_in)), rng.standard_normal(d_out)) for d_in, d_out in pairwise(widths)]
    return layers, rng.standard_normal(widths[0])


def central_differences(function: Callable[[], float], parameter: Array, h: float = 1e-3) -> Array:
    """d function() / d parameter, entry by entry; `parameter` is changed in place and put back."""
    result = np.empty_like(parameter)
    for index, value in np.ndenumerate(parameter):
        parameter[index] = value + h
        above = function()
        parameter[index] = value - h
        below = function()
        parameter[index] = value
        result[index] = (above - below) / (2 * h)
    return result


def test_worked_example_activations() -> None:
    z1, z2 = compose(L, x)
    assert_array_equal(z1, [1, 1, 4])
    assert_array_equal(z2, [0])
    assert z1.dtype == z2.dtype == np.float64
    assert affine(W1, b1, np.array(x, np.longdouble)).dtype == np.float64


def test_worked_example_gradients() -> None:
    (grad_W1, grad_b1), (grad_W2, grad_b2) = gradients(L, x, compose(L, x))
    assert_array_equal(grad_W1, [[-1, 1], [2, -2], [-0.25, 0.25]])
    assert_array_equal(grad_b1, [1, -2, 0.25])
    assert_array_equal(grad_W2, [[1, 1, 4]])
    assert_array_equal(grad_b2, [1])


def test_single_layer_has_its_input_as_gradient() -> None:
    layer = [([[2, 3]], [5])]
    ((grad_W, grad_b),) = gradients(layer, x, compose(layer, x))
    assert_array_equal(grad_W, [x])
    assert_array_equal(grad_b, [1])


def test_the_assignments_names_are_the_same_functions() -> None:
    assert module.AffineTransformation is affine
    assert module.Composition is compose
    assert module.ComputeGradients is gradients


@given(chains())
def test_gradients_agree_with_central_differences(chain: tuple[list[tuple[Array, Array]], Array]) -> None:
    layers, x = chain
    result = gradients(layers, x, compose(layers, x))
    assert len(result) == len(layers)
    for layer, found in zip(layers, result, strict=True):
        for parameter, grad in zip(layer, found, strict=True):
            assert grad.shape == parameter.shape
            expected = central_differences(lambda: float(compose(layers, x)[-1][0]), parameter)
            assert_allclose(grad, expected, rtol=1e-7, atol=1e-8)


@given(chains(), st.data())
def test_columns_and_1d_vectors_agree_in_any_mixture(
    chain: tuple[list[tuple[Array, Array]], Array], data: st.DataObject
) -> None:
    layers, x = chain
    forms = data.draw(st.lists(st.booleans(), min_size=len(layers), max_size=len(layers)))
    mixed = [(W, column(b) if as_column else b) for (W, b), as_column in zip(layers, forms, strict=True)]
    flat, upright = compose(layers, x), compose(mixed, column(x))
    for z_flat, z_upright, z_mixed in zip(flat, upright, compose(mixed, x), strict=True):
        assert z_flat.ndim == 1
        assert_array_equal(z_mixed, z_flat)
        assert z_upright.shape == (len(z_flat), 1)
        assert_allclose(z_upright[:, 0], z_flat, rtol=1e-12, atol=1e-12)
    expected = gradients(layers, x, flat)
    for x_form, z in [(x, upright), (column(x), flat), (column(x), upright)]:
        for (_, b), (W_e, b_e), (W_g, b_g) in zip(mixed, expected, gradients(mixed, x_form, z), strict=True):
            assert_allclose(W_g, W_e, rtol=1e-9, atol=1e-9)
            assert_allclose(b_g, b_e.reshape(b.shape), rtol=1e-9, atol=1e-9)
            assert b_g.shape == b.shape


def test_inputs_are_left_alone_and_results_share_no_memory_with_them() -> None:
    layers = [(np.array(W, float), np.array(b, float)) for W, b in L]
    x_array = np.array(x, float)
    z = compose(layers, x_array)
    for grads in gradients(layers, x_array, z):
        for grad in grads:
            grad += 99
    for z_i in z:
        z_i += 99
    for (W, b), (W_before, b_before) in zip(layers, L, strict=True):
        assert_array_equal(W, W_before)
        assert_array_equal(b, b_before)
    assert_array_equal(x_array, x)


@pytest.mark.parametrize(
    ("W", "b", "x", "message"),
    [
        ([[1, 2]], [0], [1, 2, 3], "W of shape (1, 2) does not apply to a vector of shape (3,)"),
        ([[1, 2]], [0, 0], [1, 2], "W of shape (1, 2) and b of shape (2,)"),
        ([[1], [2]], [0], [1], "W of shape (2, 1) and b of shape (1,)"),  # NumPy would broadcast
        ([1, 2], [0], [1, 2], "W must be a matrix, but has shape (2,)"),
        ([[1, 2]], [0], [[1, 2]], "x must be a vector, (d,) or (d, 1), but has shape (1, 2)"),
        ([[1, 2]], [[0, 0]], [1, 2], "b must be a vector, (d,) or (d, 1), but has shape (1, 2)"),
        ([[1, 2]], [0], [[1, 2], [3, 4]], "x must be a vector"),
    ],
)
def test_affine_refuses_unfit_shapes(W: ArrayLike, b: ArrayLike, x: ArrayLike, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        affine(W, b, x)


def test_a_broken_chain_is_reported_with_its_layer_and_both_shapes() -> None:
    broken: Layers = [(W1, b1), ([[1, -2]], [0])]
    with pytest.raises(ValueError, match=r"layer 2.*\(1, 2\).*\(3,\)"):
        compose(broken, x)
    with pytest.raises(ValueError, match=r"layer 2.*\(1, 2\).*\(3,\)"):
        gradients(broken, x, [[1, 1, 4], [0]])
    with pytest.raises(ValueError, match=r"layer 1.*\(3, 2\).*\(3,\)"):
        compose(L, [1, 2, 3])
    with pytest.raises(ValueError, match=r"layer 1.*\(3, 2\).*\(2,\)"):
        gradients([(W1, [0, 0]), (W2, b2)], x, [[1, 1, 4], [0]])
    with pytest.raises(ValueError, match=r"layer 2.*\(1, 3\).*\(2,\)"):
        gradients(L, x, [[1, 1], [0]])


def test_gradients_refuse_activations_that_are_not_those_of_the_chain() -> None:
    with pytest.raises(ValueError, match=r"last activation must be a scalar.*\(3,\)"):
        gradients(L[:1], x, compose(L[:1], x))
    with pytest.raises(ValueError, match=r"2 layers need 2 activations.*has 1"):
        gradients(L, x, compose(L, x)[-1:])
    with pytest.raises(ValueError, match=r"2 layers need 2 activations.*has 3"):
        gradients(L, x, [x, *compose(L, x)])
    with pytest.raises(ValueError, match=r"z_1 must be a vector"):
        gradients(L, x, [[[1, 1]], [0]])


def test_an_empty_chain_is_refused() -> None:
    with pytest.raises(ValueError, match="L is empty"):
        compose([], x)
    with pytest.raises(ValueError, match="L is empty"):
        gradients([], x, [])


@given(st.integers(1, 6), st.integers(2, 5), st.data())
def test_the_softmax_gradient_is_the_chain_rule_through_one_affine_layer(m: int, c: int, data: st.DataObject) -> None:
    """Near z one example's loss is affine, with row vector pᵀ = (ŷ − y)ᵀ, on top of the layer z = Wᵀx + b."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    label = data.draw(st.integers(0, c - 1))
    W, b, x = rng.standard_normal((m, c)), rng.standard_normal(c), rng.standard_normal(m)
    z = affine(W.T, b, x)
    p = softmax(z[None, :])[0] - np.eye(c)[label]

    linearised: Layers = [(W.T, b), (p[None, :], [0])]
    (grad_Wt, grad_b), _ = gradients(linearised, x, compose(linearised, x))

    expected_W, expected_b = gradient(W, b, x[None, :], np.array([label]), 0.0)
    assert_allclose(grad_Wt.T, expected_W, rtol=1e-10, atol=1e-12)
    assert_allclose(grad_b, expected_b, rtol=1e-10, atol=1e-12)
    assert_allclose(grad_Wt, np.outer(p, x), rtol=1e-12)
