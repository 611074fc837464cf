"""Softmax regression: the model, its loss and its gradient. Derived step by step in docs/derivation.md.

Names follow the formulas: n examples, m features, c classes; rows of `images` are examples,
`W` is m × c, `b` has length c, and the logits are z = images @ W + b.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Floats = NDArray[np.floating]
Labels = NDArray[np.integer]
Images = Floats | NDArray[np.uint8]  # inputs, or grey levels that are normalised when they are read


def normalized(images: NDArray[Any]) -> NDArray[np.float32]:
    """x / 255 − 0.5: grey levels 0–255 to [−0.5, 0.5].

    Parameters
    ----------
    images : (n, m) array of any real dtype

    Returns
    -------
    (n, m) float32 array
    """
    inputs: NDArray[np.float32] = np.divide(images, 255, dtype=np.float32, casting="unsafe")
    inputs -= np.float32(0.5)
    return inputs


def inputs(images: Images, dtype: DTypeLike) -> Floats:
    """Images as an (n, m) array of `dtype`; grey levels are normalised."""
    return (normalized(images) if images.dtype == np.uint8 else images).astype(dtype, copy=False)


def one_hot(labels: Labels, classes: int, dtype: DTypeLike = np.float32) -> Floats:
    """Indicator rows y: `y[i, labels[i]] = 1`, all else 0.

    Parameters
    ----------
    labels : (n,) array of any integer dtype, values in 0 … classes − 1
    classes : number of columns
    dtype : dtype of the result

    Returns
    -------
    (n, classes) array of `dtype`

    Raises
    ------
    ValueError : labels that are not integers or lie outside 0 … classes − 1
    """
    labels = np.asarray(labels)
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers, not {labels.dtype}")
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(f"labels must lie in 0 … {classes - 1}, not {labels.min()} … {labels.max()}")
    indicator = np.zeros((len(labels), classes), dtype=dtype)
    indicator[np.arange(len(labels)), labels] = 1
    return indicator


def log_softmax(logits: Floats) -> Floats:
    """log ŷ_k = z_k − log Σ_j exp(z_j) of each row, by log-sum-exp: no overflow, no −∞ from a finite row.

    Parameters
    ----------
    logits : (n, c) floating array

    Returns
    -------
    (n, c) array of the same dtype
    """
    with np.errstate(over="ignore"):  # the difference of two finite logits may overflow
        shifted = np.maximum(logits - logits.max(axis=1, keepdims=True), np.finfo(logits.dtype).min)
    normalizer = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    log_probabilities: Floats = shifted - normalizer
    return log_probabilities


def softmax(logits: Floats) -> Floats:
    """ŷ_k = exp(z_k) / Σ_j exp(z_j) of each row. Shapes and dtypes as for `log_softmax`."""
    return np.exp(log_softmax(logits))


def cross_entropy(logits: Floats, labels: Labels) -> float:
    """Mean of −log ŷ over the true classes, unregularised; the mean is taken in float64.

    Parameters
    ----------
    logits : (n, c) floating array
    labels : (n,) integer array

    Returns
    -------
    float, in nats per example
    """
    true_class = np.take_along_axis(log_softmax(logits), labels[:, None].astype(np.intp), axis=1)
    return -float(true_class.mean(dtype=np.float64))


def penalty(W: Floats, alpha: float) -> float:
    """(α/2) ‖W‖², in float64. Biases are never penalised."""
    return 0.5 * alpha * float(np.square(W, dtype=np.float64).sum())


def loss(W: Floats, b: Floats, images: Floats, labels: Labels, alpha: float) -> float:
    """f(W, b) = −(1/n) Σ_i Σ_k y_k log ŷ_k + (α/2) ‖W‖², the objective of training.

    Parameters
    ----------
    W : (m, c), b : (c,), images : (n, m) floating arrays
    labels : (n,) integer array
    alpha : L2 strength, ≥ 0
    """
    return cross_entropy(images @ W + b, labels) + penalty(W, alpha)


def gradient(W: Floats, b: Floats, images: Floats, labels: Labels, alpha: float) -> tuple[Floats, Floats]:
    """∇_W f = (1/n) Xᵀ(Ŷ − Y) + αW and ∇_b f = (1/n) Σ_i (ŷ⁽ⁱ⁾ − y⁽ⁱ⁾).

    Parameters as for `loss`.

    Returns
    -------
    (m, c) and (c,) arrays of the dtype of W
    """
    error = softmax(images @ W + b) - one_hot(labels, len(b), W.dtype)
    return images.T @ error / len(images) + W.dtype.type(alpha) * W, error.mean(axis=0)


def accuracy(logits: Floats, labels: Labels) -> float:
    """Fraction of rows whose largest logit (the first, on a tie) is the true class."""
    return float(np.mean(logits.argmax(axis=1) == labels))
