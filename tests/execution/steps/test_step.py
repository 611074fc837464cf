"""What `@step` makes of a plain function. (That it is run, cached and tracked is seen in the flows.)"""

import inspect
from types import SimpleNamespace

import pytest
from prefect import Task

from execution.cache.key import key
from execution.config import RunContext
from execution.steps.run import Run
from execution.steps.step import settings, step
from experiment.axes import Combination
from experiment.config import Experiment
from experiment.results.split import Split
from tests.made_up import NOTHING, combination


def body(run: Run, combination: Combination, seed: int, split: Split) -> Split:
    """Say what is done."""
    return split


@pytest.fixture
def made():
    return step("made_up", name="make {combination} seed={seed}", retries=3)(body)


def test_it_is_a_task_with_the_bodys_name_and_an_execution_for_the_run(made):
    assert isinstance(made, Task)
    assert (made.fn.__name__, made.fn.__doc__, made.fn.__module__) == ("body", "Say what is done.", __name__)
    takes = inspect.signature(made.fn).parameters
    assert list(takes) == ["execution", "combination", "seed", "split"]
    assert takes["execution"].annotation is RunContext
    assert inspect.unwrap(made.fn) is body


def test_options_reach_prefect_and_the_name_is_a_template_over_the_inputs(made):
    assert made.retries == 3
    inputs = {"combination": combination(0.1), "seed": 7}
    assert made.task_run_name(inputs) == f"make {combination(0.1)} seed=7"
    assert made.task_run_name({**inputs, "until": 3}) == f"make {combination(0.1)} seed=7 to epoch 3"
    assert step("check_it")(body).task_run_name({}) == "check it"
    assert made.result_serializer == "json"


def test_no_result_goes_to_prefects_memory_which_fails_between_threads(made):
    assert made.cache_result_in_memory is False


def test_its_key_is_of_its_inputs_without_the_execution(made, run_context):
    def renamed(handle: Run, combination: Combination, seed: int, split: Split) -> Split:
        return split

    inputs = {"combination": combination(), "seed": 1}
    for task in (made, step("made_up")(renamed)):
        context = SimpleNamespace(task=task)
        found = task.cache_policy.compute_key(context, inputs | {"execution": run_context}, {})
        assert found == key(__name__, inputs)


def test_settings_are_what_a_step_is_told_and_nothing_that_was_found():
    recipe = Experiment(max_epochs=7, patience=3).recipe
    found = Split.model_construct(train=NOTHING, validation=NOTHING)
    inputs = {"combination": combination(), "seed": 1, "by": "loss", "split": found, "recipe": recipe, "many": [1]}
    assert settings(inputs) == {
        "learning_rate": 0.1, "batch_size": 8, "alpha": 0.0, "seed": 1, "by": "loss",
        "max_epochs": 7, "patience": 3, "average": False, "engine": "numba", "momentum": 0.0, "decay": "none",
        "optimizer": "sgd", "nesterov": False, "horizon": 7,
    }  # fmt: skip
