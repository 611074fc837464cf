"""Affine maps, their composition, and the gradients of a scalar composition by the chain rule.

Vectors are 1-D ``(d,)`` or columns ``(d, 1)``. Activations have the form of ``x``, whatever the form of the biases; a
gradient has the shape of its parameter. Results are float64. docs/chain_rule.md derives the formulas.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Layers = Sequence[tuple[ArrayLike, ArrayLike]]


def _vector(name: str, values: ArrayLike) -> Array:
    v = np.asarray(values, dtype=np.float64)
    if v.ndim == 1 or (v.ndim == 2 and v.shape[1] == 1):
        return v
    raise ValueError(f"{name} must be a vector, (d,) or (d, 1), but has shape {v.shape}")


def _layer(W: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    W, b = np.asarray(W, dtype=np.float64), _vector("b", b)
    if W.ndim != 2:
        raise ValueError(f"W must be a matrix, but has shape {W.shape}; b has shape {b.shape}")
    if len(b) != len(W):
        raise ValueError(f"W of shape {W.shape} and b of shape {b.shape} differ in their number of outputs")
    return W, b


def affine(W: ArrayLike, b: ArrayLike, x: ArrayLike) -> Array:
    """Apply one affine map, ``z = W x + b``.

    Parameters
    ----------
    W : array-like of shape (d_out, d_in)
    b : array-like of shape (d_out,) or (d_out, 1)
    x : array-like of shape (d_in,) or (d_in, 1)

    Returns
    -------
    z : float64 array of shape (d_out,) if x is 1-D, (d_out, 1) if x is a column

    Raises
    ------
    ValueError
        If the shapes do not fit together, or are not those of a matrix and two vectors.
    """
    (W, b), x = _layer(W, b), _vector("x", x)
    if W.shape[1] != len(x):
        raise ValueError(f"W of shape {W.shape} does not apply to a vector of shape {x.shape}")
    return W @ x + b.reshape(-1, *x.shape[1:])  # a column b added to a 1-D W @ x would broadcast to a matrix


def compose(L: Layers, x: ArrayLike) -> list[Array]:
    """Apply affine maps one after the other, ``z_i = W_i z_{i-1} + b_i`` with ``z_0 = x``.

    Parameters
    ----------
    L : sequence of n >= 1 pairs (W_i, b_i), the first one applied first
    x : array-like of shape (d_0,) or (d_0, 1)

    Returns
    -------
    z : list of the n activations [z_1, ..., z_n], float64, each in the form of x
        ``z[-1]`` is the value of the composition.

    Raises
    ------
    ValueError
        If L is empty or a layer does not fit its input; the message has the layer's number (from 1) and both
        shapes.
    """
    if len(L) == 0:
        raise ValueError("L is empty: a composition needs at least one layer (W, b)")
    z = [_vector("x", x)]
    for i, (W, b) in enumerate(L, start=1):
        try:
            z.append(affine(W, b, z[-1]))
        except ValueError as error:
            raise ValueError(f"layer {i}: {error}") from error
    return z[1:]


def gradients(L: Layers, x: ArrayLike, z: Sequence[ArrayLike]) -> list[tuple[Array, Array]]:
    """Gradients of a scalar composition with respect to every weight and bias, in one backward pass.

    With ``p_i`` the gradient of z_n with respect to z_i::

        p_n = 1      p_{i-1} = W_i^T p_i      grad_b_i = p_i      grad_W_i = p_i z_{i-1}^T      z_0 = x

    Parameters
    ----------
    L : sequence of n >= 1 pairs (W_i, b_i), the first one applied first; W_n has one row
    x : array-like of shape (d_0,) or (d_0, 1)
    z : sequence of the n activations that ``compose(L, x)`` returns
        Their sizes are checked, their values trusted.

    Returns
    -------
    gradients : list [(grad_W_1, grad_b_1), ..., (grad_W_n, grad_b_n)], in the order of L
        grad_W_i has the shape of W_i, grad_b_i the shape of b_i.

    Raises
    ------
    ValueError
        If L is empty, z does not hold one activation a layer, z_n is not a scalar, or shapes do not chain;
        then the message has the layer's number (from 1) and both shapes.

    Notes
    -----
    ``p_i z_{i-1}^T`` is unvec(dz_n/dz_i · dz_i/dvec(W_i)): see docs/chain_rule.md, part 7.
    """
    if len(L) == 0:
        raise ValueError("L is empty: a composition needs at least one layer (W, b)")
    if len(z) != len(L):
        raise ValueError(f"{len(L)} layers need {len(L)} activations, one each, but z has {len(z)}")
    activations = [_vector("x", x), *(_vector(f"z_{i}", z_i) for i, z_i in enumerate(z, start=1))]
    if activations[-1].size != 1:
        raise ValueError(f"the last activation must be a scalar, but z_{len(z)} has {activations[-1].shape}")

    p = np.ones(1)
    result = []
    for i in range(len(L), 0, -1):
        z_in, z_out = activations[i - 1], activations[i]
        try:
            W, b = _layer(*L[i - 1])
        except ValueError as error:
            raise ValueError(f"layer {i}: {error}") from error
        if W.shape != (len(z_out), len(z_in)):
            raise ValueError(f"layer {i}: W of shape {W.shape} does not take {z_in.shape} to {z_out.shape}")
        result.append((np.outer(p, z_in), p.reshape(b.shape)))
        p = W.T @ p
    return result[::-1]


# The names in the assignment.
AffineTransformation = affine
Composition = compose
ComputeGradients = gradients
