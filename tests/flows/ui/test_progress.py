"""How far a search is, in words and as a fraction of its epochs, by what its trainings say."""

import re
from datetime import timedelta

import pytest

from execution.config import RunContext
from execution.orchestration.forecast import Job, Standing
from experiment.config import Experiment
from flows.ui import progress
from flows.ui.progress import GridProgress
from tests.made_up import diverged, trained

GRID = {"learning_rates": (0.1, 0.01), "batch_sizes": (8, 16), "alphas": (0.0,)}


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """Begin to show a rung of a search."""
    monkeypatch.setattr(progress.shown, "begin_progress", lambda total: None)
    monkeypatch.setattr(progress.shown, "progressed", lambda *_: None)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_SHOWS", -1)

    def begin(until=None, to_come=0, time_limit=None, **experiment):
        asked = Experiment(**GRID | {"max_epochs": 1000} | experiment)
        execution = RunContext(
            artifacts=tmp_path, name="sweep", workers=2, wandb_mode="disabled", flow_run="a-flow-run",
            wandb_project="some-project", time_limit=time_limit,
        )  # fmt: skip
        jobs = [Job(combination, seed) for combination in asked.combinations for seed in asked.training_seeds]
        return GridProgress(asked, execution, jobs, until, to_come)

    return begin


def say(shown, at, epochs, expected, seconds, before=0):
    """Let a training say how far it is."""
    combination, seed, _ = list(shown.at)[at]
    shown.execution.state.stand(
        str(at),
        Standing(combination=combination, seed=seed, epochs=epochs, before=before, seconds=seconds, expected=expected),
    )
    shown.look()


def test_it_moves_while_the_first_training_goes_on(begun):
    shown = begun()
    assert shown.seconds_left() is None
    fractions = []
    for epochs in (10, 50, 90):
        say(shown, 0, epochs, 100, epochs / 10)
        fractions.append(shown.fraction)
        assert f"2 running ({epochs} epochs)" in ", ".join(shown.counts(None))
    assert 0 < fractions[0] < fractions[1] < fractions[2] < 1
    assert shown.done == 0


def test_it_never_goes_back_and_ends_whole(begun):
    shown = begun()
    say(shown, 0, 50, 60, 5.0)
    before = shown.fraction
    say(shown, 0, 51, 1000, 5.1)
    assert shown.fraction == before
    for job in shown.at:
        combination = job.combination
        one = diverged(combination) if combination.learning_rate == 0.1 else trained(combination, seconds=1.0)
        shown.add(job, one, cached=False, left=False)
    shown.show()
    assert shown.fraction == 1
    assert "4 of 4 done" in shown.words(shown.counts(None))


def test_nothing_takes_longer_than_the_time_limit(begun):
    shown = begun(time_limit=timedelta(minutes=2))
    say(shown, 0, 10, 1000, 100.0)
    assert 110 < shown.seconds_left() <= 120
    assert re.search(r"about (2 min 0 s|1 min \d+ s) left", ", ".join(shown.counts(shown.seconds_left())))


def test_rungs_and_trials_that_come_later_count(begun):
    def left(**asked):
        shown = begun(**asked)
        say(shown, 0, 2, 500, 2.0)
        return shown.seconds_left()

    rung = left(until=3, halving=2, first_rung=3)
    assert rung > left(until=3, halving=2, first_rung=3, max_epochs=12) > 3 * 4 / 2 - 2
    assert left(to_come=4) == pytest.approx(2 * left(), rel=0.1)


def test_what_is_said_of_others_is_not_counted(begun):
    shown = begun()
    stranger = Experiment(learning_rates=(0.7,)).combinations[0]
    shown.execution.state.stand(
        "stranger", Standing(combination=stranger, seed=9, epochs=5, before=0, seconds=1.0, expected=9)
    )
    shown.look()
    assert shown.running == {}
