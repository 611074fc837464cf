"""A training: its settings as arguments of `softmax.sgd.train`."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from softmax import sgd
from softmax.decay import decayed
from softmax.loss import Images, Labels
from softmax.optimiser import SGD, Adam

if TYPE_CHECKING:  # cache keys contain their values, not their declarations
    from experiment.axes import Combination
    from experiment.config import Recipe

Rows = NDArray[np.int64]


def epochs(
    data: tuple[Images, Labels, Rows, Rows | None],
    classes: int,
    seed: int,
    combination: "Combination",
    recipe: "Recipe",
) -> Callable[..., Iterator[sgd.State]]:
    """`softmax.sgd.train` with all arguments bound, except `state` and `stop`.

    `data`: images, labels, training rows, validation rows (None: no validation).
    ValueError: labels or rows lie out of range, or shapes do not agree.
    """
    check(data, classes)
    return partial(
        sgd.train,
        *data,
        classes=classes,
        seed=seed,
        rate=partial(decayed, combination.learning_rate, combination.decay, horizon=recipe.horizon),
        batch_size=combination.batch_size,
        alpha=combination.alpha,
        optimiser=Adam() if combination.optimizer == "adam" else SGD(combination.momentum, recipe.nesterov),
        average=recipe.average,
        max_epochs=recipe.max_epochs,
        patience=recipe.patience,
        engine=recipe.engine,
    )


def check(data: tuple[Images, Labels, Rows, Rows | None], classes: int) -> None:
    """Raise ValueError if arrays are not such as the steps before write them: whoever writes to the store may have."""
    images, labels, *rows = data
    indices = [each for each in rows if each is not None]
    fit = images.ndim == 2 and images.dtype in (np.uint8, np.float32) and labels.shape == images.shape[:1]
    limits = [(labels, classes), *((each, labels.size) for each in indices)]
    fit = fit and all(array.ndim == 1 and array.size and array.dtype == np.int64 for array, _ in limits)
    if not fit or any(array.min() < 0 or array.max() >= limit for array, limit in limits):
        raise ValueError(
            "the stored training data cannot be used: labels or row indices lie out of range, or shapes do not agree. "
            "Something else than this program wrote them: remove `cache` below the artifact root, and run it again"
        )
