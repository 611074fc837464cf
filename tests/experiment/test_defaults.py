"""What is left out is filled in by what the data is."""

from typing import Any

import numpy as np
import pytest

from experiment.config import Experiment
from experiment.data.formats import FASHION_MNIST, Arrays, is_fashion_mnist
from experiment.defaults import settled

DEFAULT = Experiment()
FEW: dict[str, Any] = {"batch_sizes": (64,)}


@pytest.mark.parametrize(
    ("given", "own", "rows", "patience", "sizes", "said"),
    [
        (DEFAULT, False, 48_000, 10, (8, 16, 32, 64), ""),
        (DEFAULT, True, 48_000, 50, (8, 16, 32, 64), "patience 50"),
        (DEFAULT, True, 36, 50, (8, 16, 32), "patience 50; no batch size 64, for 36 rows are trained on"),
        (Experiment(patience=3, **FEW), True, 36, 3, (64,), ""),
        (DEFAULT, True, 5, 50, (8, 16, 32, 64), "patience 50"),
    ],
)
def test_what_is_left_out_is_filled_in_and_said_and_what_is_given_stays(given, own, rows, patience, sizes, said):
    experiment, words = settled(given, own, rows)
    assert (experiment.recipe.patience, experiment.grid["batch_size"], words) == (patience, sizes, said)


def test_fashion_mnist_is_known_by_its_arrays():
    arrays = Arrays(
        *(np.zeros((each.shape[0], *([784] if len(each.shape) > 1 else []))) for each in FASHION_MNIST.values())
    )
    assert not is_fashion_mnist(arrays)
    assert not is_fashion_mnist(Arrays(*(array[:5] for array in arrays)))
