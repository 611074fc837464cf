"""The NumPy engine: one epoch of SGD and one evaluation, close to the formulas.

The compiled engine in `kernels.py` has the same two functions and agrees with these up to rounding. The dtype of W
decides the precision, so this is also the engine for float64.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from softmax.loss import Floats, Images, Labels, cross_entropy, gradient, inputs, log_softmax
from softmax.optimiser import SGD, Optimiser

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
    optimiser: Optimiser = SGD(),  # noqa: B008 - frozen
    moments: Sequence[tuple[Floats, Floats]] = (),
    first: int = 1,
) -> float:
    """Run W ← W − η ∇_W f and b ← b − η ∇_b f over consecutive minibatches of `order`, in place.

    An optimiser replaces the gradient by its direction.

    Parameters
    ----------
    W : (m, c), b : (c,) floating arrays, updated
    images : (n, m) array, floating, or uint8 grey levels; labels : (n,) integer array
    order : (k,) row indices into `images`, in the order of use; the last batch may be smaller
    batch_size, learning_rate, alpha : as in docs/derivation.md
    W_sum, b_sum : if given, the parameters after every step are added to them (float64)
    loss : the sum of an earlier part of the epoch
    moments : the optimiser's state, a pair of arrays (W, b) for each array of `init`; updated
    first : the number of the first step, counted from 1 since the start of the training

    Returns
    -------
    `loss` plus the sum of the unregularised cross-entropies of the examples, each before its own step
    """
    of_W, of_b = (tuple(pair[at] for pair in moments) for at in (0, 1))
    for t, start in enumerate(range(0, len(order), batch_size), first):
        batch = order[start : start + batch_size]
        x, y = inputs(images[batch], W.dtype), labels[batch]
        loss += cross_entropy(x @ W + b, y) * len(batch)
        grad_W, grad_b = gradient(W, b, x, y, alpha)
        W -= W.dtype.type(learning_rate) * optimiser.step(grad_W, of_W, t)
        b -= W.dtype.type(learning_rate) * optimiser.step(grad_b, of_b, t)
        if W_sum is not None and b_sum is not None:
            W_sum += W
            b_sum += b
    return loss


def evaluate(
    W: Floats, b: Floats, images: Images, labels: Labels, rows: NDArray[np.int64], loss: float = 0.0
) -> tuple[float, int]:
    """`loss` plus the sum of cross-entropies, and the number of correct predictions, over `images[rows]`."""
    correct = 0
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        logits = inputs(images[block], W.dtype) @ W + b
        loss += cross_entropy(logits, labels[block]) * len(block)
        correct += int(np.sum(logits.argmax(axis=1) == labels[block]))
    return loss, correct


def predictions(
    W: Floats, b: Floats, images: Images, labels: Labels, rows: NDArray[np.int64]
) -> tuple[NDArray[np.unsignedinteger], NDArray[np.float32]]:
    """The predicted class (in the smallest dtype) and −log ŷ of the true class for `images[rows]`: (k,) each."""
    predicted, losses = [], []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        logits = inputs(images[block], W.dtype) @ W + b
        predicted.append(logits.argmax(axis=1).astype(np.min_scalar_type(len(b) - 1)))
        losses.append(-log_softmax(logits)[np.arange(len(block)), labels[block]].astype(np.float32))
    return np.concatenate(predicted), np.concatenate(losses)
