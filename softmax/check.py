"""The gradient check: gradients and engines against finite differences on the data."""

import numpy as np
from numpy.typing import NDArray

from softmax.loss import Floats, Images, Labels, gradient, inputs, loss
from softmax.sgd import Engine, implementation

STEP = 1e-5  # of the central difference: error ~ h² + ε/h in float64
BATCH = 3  # rows of a step: eight rows make several steps, the last one smaller


def relative_errors(
    images: Images, labels: Labels, classes: int, alpha: float, seed: int, entries: int = 200, engine: Engine = "numba"
) -> dict[str, float]:
    """The largest error of each gradient, relative to the largest entry of the gradient.

    Parameters
    ----------
    images : (n, m) array as `softmax.sgd.train` takes it, a few rows of the data
    labels : (n,) integers in 0 … classes − 1
    alpha : L2 strength of the check, large enough for an error to show
    seed : seed of the parameters and of the `entries` of W that are checked
    engine : engine of the trainings; "numpy" skips the compiled kernel

    Returns
    -------
    "formula" : `softmax.loss.gradient` against central differences of `softmax.loss.loss`, float64
    "numba", "numpy" : the float32 parameters of each engine after steps of `BATCH` rows, against the formula in
        float64
    """
    rng = np.random.default_rng(seed)
    x = inputs(images, np.float64)
    unit = max(1.0, float(np.sqrt(np.mean(x**2))))  # scale of the inputs: no logit may saturate
    alpha *= unit**2
    W, b = 0.1 / unit * rng.standard_normal((images.shape[1], classes)), 0.1 * rng.standard_normal(classes)
    grad_W, grad_b = gradient(W, b, x, labels, alpha)
    scale = max(np.abs(grad_W).max(), np.abs(grad_b).max())

    def difference_quotient(parameter: Floats, index: tuple[int, ...]) -> float:
        original, values = parameter[index], []
        for step in (STEP / unit, -STEP / unit):
            parameter[index] = original + step
            values.append(loss(W, b, x, labels, alpha))
        parameter[index] = original
        return (values[0] - values[1]) / (2 * STEP / unit)

    chosen = rng.choice(W.size, min(entries, W.size), replace=False)
    errors = [abs(grad_W[index] - difference_quotient(W, index)) for index in zip(*np.unravel_index(chosen, W.shape))]  # noqa: B905
    errors += [abs(grad_b[index] - difference_quotient(b, index)) for index in np.ndindex(b.shape)]
    worst = {"formula": float(np.max(errors) / scale)}
    order: NDArray[np.int64] = np.arange(len(labels))
    rate = 1 / unit**2
    expected_W, expected_b = (np.asarray(each, np.float32).astype(np.float64) for each in (W, b))
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        step_W, step_b = gradient(expected_W, expected_b, x[batch], labels[batch], alpha)
        expected_W, expected_b = expected_W - rate * step_W, expected_b - rate * step_b
    for name in dict.fromkeys((engine, "numpy")):
        engine_W, engine_b = np.asfortranarray(W, np.float32), b.astype(np.float32)
        implementation(name).sgd_epoch(engine_W, engine_b, images, labels, order, BATCH, rate, alpha)
        error = max(np.abs(engine_W - expected_W).max(), np.abs(engine_b - expected_b).max())
        worst[name] = float(error / (rate * scale))
    return worst
