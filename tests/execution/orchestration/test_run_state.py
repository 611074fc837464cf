"""What a flow run knows belongs to it, whatever else runs in the process or beside it."""

import subprocess
import sys

import pytest

from execution.orchestration.forecast import Standing
from experiment.axes import Combination
from tests.conftest import PROJECT
from tests.patience import PATIENCE


@pytest.fixture
def run_context(underway_anywhere):
    return underway_anywhere


@pytest.fixture
def other(run_context):
    return run_context.model_copy(update={"flow_run": "another"})


def test_a_stop_reaches_every_part_of_its_flow_run_and_no_other_one(run_context, other):
    assert not run_context.state.stop_requested
    run_context.state.request_stop()
    assert run_context.model_copy().state.stop_requested
    assert not other.state.stop_requested
    other.state.forget()
    assert run_context.state.stop_requested
    run_context.state.forget()
    assert not run_context.state.stop_requested


def test_trainings_say_how_far_they_are_until_they_end(run_context, other):
    at = Standing(
        combination=Combination(learning_rate=0.1, batch_size=8, alpha=0.0), seed=1, epochs=7, before=3, seconds=0.5,
        expected=20,
    )  # fmt: skip
    further = at.model_copy(update={"epochs": 9})
    assert list(run_context.state.standings()) == []
    run_context.state.stand("one", at)
    run_context.state.stand("two", at)
    run_context.state.stand("one", further)
    assert list(run_context.model_copy().state.standings()) == [further, at]
    assert list(other.state.standings()) == []
    run_context.state.end("one")
    assert list(run_context.state.standings()) == [at]
    run_context.state.forget()
    assert list(run_context.state.standings()) == []


def test_giving_up_tracking_is_news_once_for_each_flow_run(run_context, other):
    assert not run_context.state.tracking_given_up
    assert [run_context.state.give_up_tracking() for _ in range(3)] == [True, False, False]
    assert run_context.state.tracking_given_up
    assert not other.state.tracking_given_up
    assert other.state.give_up_tracking()


def test_stopping_and_giving_up_tracking_are_two_things(run_context):
    run_context.state.request_stop()
    run_context.state.request_stop()
    assert not run_context.state.tracking_given_up
    assert run_context.state.give_up_tracking()


def test_another_process_sees_it(run_context):
    run_context.state.request_stop()
    script = (
        "import sys; from execution.config import RunContext\n"
        "state = RunContext.model_validate_json(sys.argv[1]).state\n"
        "print(state.stop_requested, state.give_up_tracking())"
    )
    command = [sys.executable, "-c", script, run_context.model_dump_json()]
    said = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
    assert said == "True True\n"
    assert run_context.state.tracking_given_up
