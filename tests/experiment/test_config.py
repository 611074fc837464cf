import math

import pytest
from pydantic import ValidationError

from execution.config import Execution
from experiment.config import Experiment


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rates", [0.0]),
        ("learning_rates", [0.1, -1.0]),
        ("learning_rates", [math.nan]),
        ("learning_rates", [math.inf]),
        ("learning_rates", []),
        ("learning_rates", [0.1, 0.1]),
        ("alphas", [-1e-9]),
        ("alphas", [math.nan]),
        ("alphas", []),
        ("alphas", [0.0, -0.0]),
        ("batch_sizes", [0]),
        ("batch_sizes", [8, 8]),
        ("batch_sizes", [2.5]),
        ("batch_sizes", []),
        ("validation_fraction", 0.0),
        ("validation_fraction", 1.0),
        ("validation_fraction", math.nan),
        ("max_epochs", 0),
        ("patience", -1),
        ("seed", -1),
        ("seeds", [1, 1]),
        ("seeds", [-1]),
        ("select_by", "test_accuracy"),
        ("engine", "torch"),
        ("learning_rate", 0.1),
    ],
)
def test_an_impossible_experiment_is_refused_by_field(field, value):
    with pytest.raises(ValidationError) as refused:
        Experiment.model_validate({field: value})
    assert refused.value.errors()[0]["loc"][0] == field


@pytest.mark.parametrize(
    ("field", "value"),
    [("workers", 0), ("wandb_mode", "sometimes"), ("wandb_project", " "), ("name", "../x"), ("name", "latest")],
)
def test_an_impossible_execution_is_refused_by_field(field, value):
    with pytest.raises(ValidationError) as refused:
        Execution.model_validate({field: value})
    assert refused.value.errors()[0]["loc"][0] == field


def test_the_default_grid_has_36_combinations():
    combinations = Experiment().combinations
    assert len(set(combinations)) == 36
    assert str(combinations[0]) == "lr=0.1 batch=8 alpha=0"
    assert str(combinations[-1]) == "lr=0.001 batch=64 alpha=0.01"


def test_configurations_are_immutable_and_round_trip_as_json():
    experiment = Experiment(alphas=(0.1 + 0.2,), seeds=(1, 2))
    with pytest.raises(ValidationError, match="frozen"):
        experiment.seed = 1
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment
