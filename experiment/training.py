"""A training: its settings as arguments of `softmax.sgd.train`."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from softmax import sgd
from softmax.decay import decayed
from softmax.loss import Images, Labels
from softmax.optimiser import SGD

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

    Parameters
    ----------
    data : images, labels, training rows, validation rows (None: no validation)
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
