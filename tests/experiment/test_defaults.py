"""What is left out is filled in by what the data is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.config import Experiment
from experiment.data.formats import FASHION_MNIST, Arrays, is_fashion_mnist
from experiment.defaults import DEFAULT, OWN, settled, with_folds
from experiment.errors import InputError


def test_fashion_mnists_defaults_are_the_assignments():
    experiment, words = settled(Experiment(), False, 48_000)
    assert words == ""
    assert len(experiment.combinations) == 36
    recipe = experiment.recipe
    assert (recipe.max_epochs, recipe.patience, recipe.average) == (1000, 10, False)


def test_own_datas_defaults_are_said():
    experiment, words = settled(Experiment(), True, 48_000)
    assert {name: getattr(experiment, name) for name in OWN} == OWN
    assert words == (
        "learning rates 1 0.1; batch sizes 16; alphas 0 0.0001 0.001 0.01 0.1 1; decay cosine; max epochs 100; "
        "no early stopping; averaged weights"
    )


@pytest.mark.parametrize(
    ("optimizer", "rates"), [(("sgd",), (1.0, 0.1)), (("adam",), (0.1, 0.01)), (("sgd", "adam"), (1.0, 0.1, 0.01))]
)
def test_adam_has_smaller_learning_rates_on_own_data_than_sgd(optimizer, rates):
    assert settled(Experiment(optimizer=optimizer), True, 48_000)[0].grid["learning_rate"] == rates
    assert settled(Experiment(optimizer=optimizer), False, 48_000)[0].grid["learning_rate"] == (0.1, 0.01, 0.001)
    assert settled(Experiment(optimizer=optimizer, learning_rates=(0.3,)), True, 99)[0].grid["learning_rate"] == (0.3,)


@pytest.mark.parametrize("own", [True, False])
@given(names=st.sets(st.sampled_from(sorted(DEFAULT))))
def test_what_is_given_stays_also_if_it_is_the_others_default(own, names):
    kept = {name: (DEFAULT if own else OWN)[name] for name in names}
    experiment, words = settled(Experiment(**kept), own, 48_000)
    assert {name: getattr(experiment, name) for name in kept} == kept
    assert all(getattr(experiment, name) == (OWN if own else DEFAULT)[name] for name in DEFAULT.keys() - names)
    assert not any(name.replace("_", " ") in words for name in names)


def test_a_default_is_not_said_where_every_listed_combination_has_a_value():
    grids = [{"learning_rate": 0.3, "alpha": 0, "batch_size": 4}, {"learning_rate": [0.2], "alpha": 1, "decay": "none"}]
    said = settled(Experiment(grids=grids), True, 48_000)[1]
    assert said == "batch sizes 16; decay cosine; max epochs 100; no early stopping; averaged weights"


def test_default_batches_are_no_larger_than_the_data_and_given_ones_are_kept():
    assert settled(Experiment(), True, 5)[0].grid["batch_size"] == (5,)
    assert settled(Experiment(), False, 16)[0].grid["batch_size"] == (8, 16)
    assert settled(Experiment(batch_sizes=(64,)), True, 5)[0].grid["batch_size"] == (64,)


def test_fashion_mnist_is_known_by_its_arrays():
    arrays = Arrays(
        *(np.zeros((each.shape[0], *([784] if len(each.shape) > 1 else []))) for each in FASHION_MNIST.values())
    )
    assert not is_fashion_mnist(arrays)
    assert not is_fashion_mnist(Arrays(*(array[:5] for array in arrays)))


CLASSES = {"a": 40, "b": 7}


def test_there_is_a_single_split_unless_folds_are_asked_for():
    assert with_folds(Experiment(), False, CLASSES).folds == 1
    assert with_folds(Experiment(folds=5, repeats=2), True, CLASSES).trainings == 10
    assert with_folds(Experiment(folds=7, seeds=(1, 2)), True, CLASSES).trainings == 14


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"folds": 8}, "folds: class b has 7 training rows, fewer than 8 folds: choose at most 7 folds"),
        ({"repeats": 2, "folds": 1}, "repeats: it repeats folds"),
        ({"folds": 5, "validation_fraction": 0.3}, "validation_fraction: 0.3 is of a single split"),
    ],
)
def test_folds_that_cannot_be_are_refused_by_name(given, message):
    with pytest.raises(InputError, match=message):
        with_folds(Experiment(**given), True, CLASSES)


def test_small_data_of_ones_own_has_its_default_of_folds_where_it_can():
    assert with_folds(Experiment(), True, CLASSES).folds == 5
    assert with_folds(Experiment(folds=1), True, CLASSES).folds == 1
    assert with_folds(Experiment(validation_fraction=0.3), True, CLASSES).folds == 1
    assert with_folds(Experiment(), False, CLASSES).folds == 1
    assert with_folds(Experiment(), True, CLASSES | {"c": 4}).folds == 1
    assert with_folds(Experiment(), True, CLASSES | {"c": 20_000}).folds == 1
