"""What is left out is filled in by what the data is."""

from typing import Any

import numpy as np
import pytest

from experiment.config import Experiment
from experiment.data.formats import FASHION_MNIST, Arrays, is_fashion_mnist
from experiment.defaults import settled

DEFAULT = Experiment()
FEW: dict[str, Any] = {"batch_sizes": (64,)}
OWN = "patience 50; averaged weights"


@pytest.mark.parametrize(
    ("given", "own", "rows", "patience", "average", "sizes", "said"),
    [
        (DEFAULT, False, 48_000, 10, False, (8, 16, 32, 64), ""),
        (Experiment(average=True), False, 48_000, 10, True, (8, 16, 32, 64), ""),
        (DEFAULT, True, 48_000, 50, True, (8, 16, 32, 64), OWN),
        (DEFAULT, True, 36, 50, True, (8, 16, 32), f"{OWN}; no batch size 64, for 36 rows are trained on"),
        (Experiment(patience=3, average=False, **FEW), True, 36, 3, False, (64,), ""),
        (DEFAULT, True, 5, 50, True, (8, 16, 32, 64), OWN),
    ],
)
def test_what_is_left_out_is_filled_in_and_said_and_what_is_given_stays(
    given, own, rows, patience, average, sizes, said
):
    experiment, words = settled(given, own, rows)
    recipe = experiment.recipe
    assert (recipe.patience, recipe.average, experiment.grid["batch_size"], words) == (patience, average, sizes, said)


def test_fashion_mnist_is_known_by_its_arrays():
    arrays = Arrays(
        *(np.zeros((each.shape[0], *([784] if len(each.shape) > 1 else []))) for each in FASHION_MNIST.values())
    )
    assert not is_fashion_mnist(arrays)
    assert not is_fashion_mnist(Arrays(*(array[:5] for array in arrays)))
