"""One training, from its settings to the mathematics."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from softmax import sgd
from softmax.decay import decayed
from softmax.loss import Images, Labels
from softmax.optimiser import SGD

if TYPE_CHECKING:  # their values are inputs: how they are declared has no part in a cache key
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
    """Return `softmax.sgd.train` with everything but `state` and `stop` bound.

    Parameters
    ----------
    data : images, labels, the rows to train on and those to validate on, if there are any
    """
    return partial(
        sgd.train,
        *data,
        classes=classes,
        seed=seed,
        rate=partial(decayed, combination.learning_rate, combination.decay, horizon=recipe.horizon),
        batch_size=combination.batch_size,
        alpha=combination.alpha,
        optimiser=SGD(combination.momentum, recipe.nesterov),
        average=recipe.average,
        max_epochs=recipe.max_epochs,
        patience=recipe.patience,
        engine=recipe.engine,
    )
