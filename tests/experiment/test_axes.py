"""The hyperparameters as they are declared, and what follows from the declaration."""

import numpy as np
import pytest
from pydantic import ValidationError

from experiment.axes import AXES, Combination, axes_of
from experiment.config import Experiment, Recipe
from experiment.search.space import distinct
from experiment.training import epochs
from experiment.values import text


def test_every_axis_and_every_setting_has_a_part_in_the_training():
    asked = set()

    class Asked:
        def __init__(self, settings):
            self.settings = settings

        def __getattr__(self, name):
            asked.add(name)
            return getattr(self.settings, name)

    combination = Combination(learning_rate=0.1, batch_size=8, alpha=0)
    rows = np.arange(2)
    epochs((np.zeros((2, 1), np.uint8), rows, rows, None), 2, 0, Asked(combination), Asked(Experiment().recipe))
    assert asked == set(AXES) | set(Recipe.model_fields)


def test_there_is_an_axis_for_every_field_of_a_combination_in_its_order():
    every = ["learning_rate", "batch_size", "alpha", "momentum", "decay", "optimizer"]
    assert list(AXES) == list(Combination.model_fields) == every


def test_the_experiment_has_the_values_of_each_axis_under_its_plural():
    experiment = Experiment()
    for name, axis in AXES.items():
        assert experiment.grid[name] == axis.default
        given = experiment.model_copy(update={axis.plural: axis.default[:1]})
        assert given.grid[name] == axis.default[:1]
        described = Experiment.model_fields[axis.plural].description
        assert axis.description in described
        assert f"Default: {' '.join(map(text, axis.default))}" in described
        assert ("for your own data" in described) == (axis.own != axis.default)


def test_a_form_asks_for_one_value_at_least_and_for_each_once():
    schema = Experiment.model_json_schema()["properties"]
    for axis in AXES.values():
        several, *_ = schema[axis.plural]["anyOf"]
        assert several["minItems"] == 1
        assert several["uniqueItems"]
        assert schema[axis.plural]["default"] is None


def test_an_axis_is_as_bounded_in_the_grid_as_it_is_in_a_combination():
    schema = Experiment.model_json_schema()
    single = Combination.model_json_schema()["properties"]
    bounds = {"type", "enum", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}
    for name, axis in AXES.items():
        several, *ranges, _ = schema["properties"][axis.plural]["anyOf"]
        assert bool(ranges) == (axis.scale != "category")
        ends = [schema["$defs"][one["$ref"].split("/")[-1]]["properties"] for one in ranges]
        for same in (several["items"], *(end[side] for end in ends for side in ("low", "high"))):
            assert {bound: same.get(bound) for bound in bounds} == {bound: single[name].get(bound) for bound in bounds}


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": 0},
        {"batch_size": 0},
        {"batch_size": 1.5},
        {"alpha": -1},
        {"momentum": 1},
        {"decay": "step"},
        {"optimizer": "Adam"},
    ],
)
def test_an_impossible_combination_is_refused(wrong):
    with pytest.raises(ValidationError) as refused:
        Combination(**{"learning_rate": 0.1, "batch_size": 8, "alpha": 0.0} | wrong)
    assert refused.value.errors()[0]["loc"] == tuple(wrong)


def test_a_combination_is_named_short_in_runs_and_spelled_out_on_the_terminal():
    one = Combination(learning_rate=0.001, batch_size=64, alpha=1e-4)
    assert str(one) == "lr=0.001 batch=64 alpha=0.0001"
    assert one.words == "learning rate 0.001, batch size 64, alpha 0.0001"
    other = one.model_copy(update={"momentum": 0.9, "decay": "cosine"})
    assert str(other) == "lr=0.001 batch=64 alpha=0.0001 momentum=0.9 decay=cosine"
    assert other.words == "learning rate 0.001, batch size 64, alpha 0.0001, momentum 0.9, decay cosine"


def test_what_no_combination_has_is_on_no_axis_and_what_one_has_is():
    plain = Combination(learning_rate=0.1, batch_size=8, alpha=0)
    moving = plain.model_copy(update={"momentum": 0.5})
    assert list(axes_of([plain])) == ["learning_rate", "batch_size", "alpha"]
    assert list(axes_of([plain, moving])) == ["learning_rate", "batch_size", "alpha", "momentum"]
    assert str(moving) != str(plain)


def test_the_first_repeated_value_is_named():
    assert distinct((3, 1, 2)) == (3, 1, 2)
    with pytest.raises(ValueError, match=r"^0\.1 occurs twice"):
        distinct((0.5, 0.1, 0.1, 0.5))


def test_combinations_are_the_product_of_the_axes_the_last_one_moving_fastest():
    experiment = Experiment.model_validate({"learning_rates": (1, 2), "batch_sizes": (3, 4), "alphas": (5, 6)})
    names = ("learning_rate", "batch_size", "alpha")
    expected = [(1, 3, 5), (1, 3, 6), (1, 4, 5), (1, 4, 6), (2, 3, 5), (2, 3, 6), (2, 4, 5), (2, 4, 6)]
    assert [tuple(getattr(point, name) for name in names) for point in experiment.combinations] == expected
