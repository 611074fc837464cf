"""The NumPy engine: one epoch of SGD and one evaluation, as one would write them on a blackboard.

The compiled engine in `kernels.py` has the same two functions and must agree with these up to rounding.
It is also the engine for float64: the dtype of W decides.
"""

import numpy as np
from numpy.typing import NDArray

from softmax.loss import Floats, Images, Labels, cross_entropy, gradient, inputs

BLOCK = 4096  # rows evaluated at a time: bounds the copy that indexing makes


def sgd_epoch(
    W: Floats,
    b: Floats,
    images: Images,
    labels: Labels,
    order: NDArray[np.int64],
    batch_size: int,
    learning_rate: float,
    alpha: float,
    W_sum: Floats | None = None,
    b_sum: Floats | None = None,
    loss: float = 0.0,
    *,
    velocity: tuple[Floats, Floats] | None = None,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> float:
    """Run W ← W − η ∇_W f and b ← b − η ∇_b f over consecutive minibatches of `order`, in place.

    With momentum μ they go along a velocity, v ← μ v + ∇f, instead of along the gradient; Nesterov's along ∇f + μ v.

    Parameters
    ----------
    W : (m, c), b : (c,) floating arrays, updated
    images : (n, m) array, floating, or uint8 and normalised as it is read; labels : (n,) integer array
    order : (k,) row indices into `images`, in the order of visiting; the last batch may be smaller
    batch_size, learning_rate, alpha : as in docs/derivation.md
    W_sum, b_sum : when given, the parameters after every step are added to them (float64)
    loss : what an earlier part of the same epoch returned
    velocity : of W and of b, in their shapes and dtype, updated; None: no momentum

    Returns
    -------
    Sum of the unregularised cross-entropies of the examples, each seen just before its own step, added to `loss`.
    """
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        x, y = inputs(images[batch], W.dtype), labels[batch]
        loss += cross_entropy(x @ W + b, y) * len(batch)
        step_W, step_b = gradient(W, b, x, y, alpha)
        if velocity is not None:
            step_W, step_b = (
                along(v, grad, momentum, nesterov) for v, grad in zip(velocity, (step_W, step_b), strict=True)
            )
        W -= W.dtype.type(learning_rate) * step_W
        b -= W.dtype.type(learning_rate) * step_b
        if W_sum is not None and b_sum is not None:
            W_sum += W
            b_sum += b
    return loss


def along(velocity: Floats, grad: Floats, momentum: float, nesterov: bool) -> Floats:
    """Run v ← μ v + ∇f in place; return where to step: along v, or along ∇f + μ v (Nesterov)."""
    mu = velocity.dtype.type(momentum)
    velocity[...] = mu * velocity + grad
    return grad + mu * velocity if nesterov else velocity


def evaluate(
    W: Floats, b: Floats, images: Images, labels: Labels, rows: NDArray[np.int64], loss: float = 0.0
) -> tuple[float, int]:
    """Sum of cross-entropies, added to `loss`, and number of correct predictions over `images[rows]`."""
    correct = 0
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        logits = inputs(images[block], W.dtype) @ W + b
        loss += cross_entropy(logits, labels[block]) * len(block)
        correct += int(np.sum(logits.argmax(axis=1) == labels[block]))
    return loss, correct


def correct(W: Floats, b: Floats, images: Images, labels: Labels, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of `images[rows]` are classified right: (k,) bool. The mean is the accuracy that `evaluate` counts."""
    chunks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    return np.concatenate([(inputs(images[c], W.dtype) @ W + b).argmax(axis=1) == labels[c] for c in chunks])
