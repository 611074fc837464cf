"""Is the gradient right? Measured on the data at hand, before anything is trained on it."""

import numpy as np
from numpy.typing import NDArray

from softmax import reference
from softmax.loss import Floats, Images, Labels, gradient, loss

STEP = 1e-5  # of the central difference: error ~ h² + ε/h in float64


def relative_errors(
    images: Images, labels: Labels, classes: int, alpha: float, seed: int, entries: int = 200
) -> dict[str, float]:
    """Largest error of each gradient, relative to the largest entry of the gradient.

    Parameters
    ----------
    images : (n, m) array as `softmax.sgd.train` takes it, a few rows of the data
    labels : (n,) integers in 0 … classes − 1
    alpha : L2 strength to check with
    seed : of the parameters at which, and of the `entries` of W along which, is differentiated

    Returns
    -------
    "formula" : `softmax.loss.gradient` against central differences of `softmax.loss.loss`, float64
    "numba", "numpy" : the step that each engine takes on these rows, as float32, against the formula
    """
    from softmax import kernels  # here, for Numba takes half a second, and not all who import this check

    rng = np.random.default_rng(seed)
    inputs = reference.inputs(images, np.float64)
    W, b = 0.1 * rng.standard_normal((images.shape[1], classes)), 0.1 * rng.standard_normal(classes)
    grad_W, grad_b = gradient(W, b, inputs, labels, alpha)
    scale = max(np.abs(grad_W).max(), np.abs(grad_b).max())

    def difference_quotient(parameter: Floats, index: tuple[int, ...]) -> float:
        kept, values = parameter[index], []
        for step in (STEP, -STEP):
            parameter[index] = kept + step
            values.append(loss(W, b, inputs, labels, alpha))
        parameter[index] = kept
        return (values[0] - values[1]) / (2 * STEP)

    chosen = rng.choice(W.size, min(entries, W.size), replace=False)
    errors = [abs(grad_W[index] - difference_quotient(W, index)) for index in zip(*np.unravel_index(chosen, W.shape))]  # noqa: B905
    errors += [abs(grad_b[index] - difference_quotient(b, index)) for index in np.ndindex(b.shape)]
    worst = {"formula": float(np.max(errors) / scale)}
    for name, engine in (("numba", kernels), ("numpy", reference)):
        before_W, before_b = np.asfortranarray(W, np.float32), b.astype(np.float32)
        after_W, after_b = before_W.copy(order="F"), before_b.copy()
        order: NDArray[np.int64] = np.arange(len(labels))
        engine.sgd_epoch(after_W, after_b, images, labels, order, len(labels), 1.0, alpha)
        error = max(np.abs(before_W - after_W - grad_W).max(), np.abs(before_b - after_b - grad_b).max())
        worst[name] = float(error / scale)
    return worst
