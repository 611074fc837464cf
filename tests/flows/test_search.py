"""Combinations drawn from ranges: the same ones whatever happens, more of them later, and from earlier ones."""

import numpy as np
import pandas as pd
import pytest

from execution.config import Execution
from experiment.config import BATCH, Experiment
from experiment.errors import InputError
from experiment.search.ranking import rank
from experiment.search.sampling import draw
from flows.sweep import sweep
from flows.ui.settings import flags
from report.text.verdict import facts
from tests.conftest import model_of

RANGES = {
    "learning_rates": "1e-3:1", "batch_sizes": "16:128", "alphas": (0.0, 0.01), "max_epochs": 6, "patience": 6,
    "decay": ("none",), "folds": 1,
}  # fmt: skip


@pytest.fixture
def search(digits):
    """An experiment on the digits, with these fields beside the ranges."""
    return lambda **about: Experiment.model_validate({"data_dir": digits, **RANGES, **about})


@pytest.fixture
def at(tmp_path, prefect_server):
    """An execution in a folder of its own."""
    return lambda name, **about: Execution(
        **{"artifacts": tmp_path / name, "workers": 2, "wandb_mode": "disabled", **about}
    )


def trials(one):
    return [candidate.combination for candidate in one.candidates]


def rungs(one):
    return [candidate.rung for candidate in one.candidates]


def latest(execution, name):
    return (execution.artifacts / "sweeps" / "latest" / name).read_bytes()


def test_the_command_that_runs_it_again_has_the_ranges_as_they_were_typed(search):
    given = search(learning_rates="1e-05:0.3", trials=12, sampler="tpe")
    typed = list(flags(given))
    assert "--average=False" in flags(search(average=False))
    assert typed[:4] == ["--learning-rates", "1e-05:0.3", "--batch-sizes", "16:128"]
    assert typed[typed.index("--trials") : typed.index("tpe") + 1] == ["--trials", "12", "--sampler", "tpe"]
    assert search(learning_rates=[typed[1]], trials=12, sampler="tpe") == given


def test_tpe_tries_the_same_on_any_number_of_workers_and_more_trials_go_on(search, at, found):
    one, two = at("one", workers=1), at("two")
    first = sweep(search(trials=12, sampler="tpe"), one)
    sweep(search(trials=12, sampler="tpe"), two)
    assert trials(found[0]) == trials(found[1])
    assert latest(one, "leaderboard.csv") == latest(two, "leaderboard.csv")
    for name, array in model_of(one).items():
        np.testing.assert_array_equal(array, model_of(two)[name])
    more = sweep(search(trials=20, sampler="tpe"), two)
    assert trials(found[2])[:12] == trials(found[0])
    assert (first.combinations, first.cached, more.combinations, more.cached) == (12, 0, 20, 12)
    again = sweep(search(trials=20, sampler="tpe"), two)
    assert trials(found[3]) == trials(found[2])
    assert again.cached == 20


def test_what_was_drawn_and_how_is_said_and_stands_in_every_table(search, at, found):
    execution = at("a")
    summary = sweep(search(trials=12, sampler="sobol"), execution)
    assert summary.sampler == "sobol"
    table = pd.read_csv(execution.artifacts / "sweeps" / "latest" / "leaderboard.csv")
    rates = {combination.learning_rate for combination in trials(found[0])}
    assert set(table["learning_rate"]) == rates
    assert len(rates) > 8
    assert summary.runs["sample"] == tuple(sampled.identity for sampled in found[0].sampled)
    assert set(summary.importance.shares) == {"learning_rate", "batch_size", "alpha", "the rest"}
    assert summary.importance.method == "least squares"
    assert b"12 drawn, sampler sobol" in latest(execution, "report.html")


def test_random_trials_are_halved_together_those_of_tpe_by_the_batch(search, at, found):
    execution = at("a")
    summary = sweep(search(trials=12, halving=2, first_rung=2), execution)
    assert [rungs(found[0]).count(rung) for rung in range(3)] == [6, 3, 3]  # until max_epochs
    assert summary.pruned == 9
    sweep(search(trials=10, sampler="tpe", halving=2, first_rung=2), execution)
    batches = rungs(found[1])[:BATCH], rungs(found[1])[BATCH:]
    assert [[batch.count(rung) for rung in range(3)] for batch in batches] == [[4, 2, 2], [1, 0, 1]]
    # Told in the order that a leaderboard has, so that those pruned are behind those that came further.
    (first, second) = found[1].sampled
    told = sorted(found[1].candidates[:BATCH], key=lambda one: rank(one, "val_accuracy"))
    assert [one.rung for one in told] == sorted(batches[0], reverse=True)
    assert len(second.combinations) == BATCH
    assert not set(first.combinations) & set(second.combinations)


def test_a_warm_start_begins_from_what_earlier_sweeps_trained_and_keeps_to_it(search, at, found, caplog, tmp_path):
    execution = at("a")
    sweep(search(trials=9, learning_rates="1e-3:10"), execution)
    within = [one for one in trials(found[0]) if one.learning_rate <= 1]
    assert 0 < len(within) < 9
    warm = search(trials=8, sampler="tpe", warm_start=True)
    summary = sweep(warm, execution)
    assert set(summary.earlier) == set(trials(found[1])[: len(within)]) == set(within)
    assert (summary.combinations, summary.cached) == (len(within) + 8, len(within))
    assert f"Warm start from {len(within)} combinations of earlier sweeps" in caplog.text
    cold = search(trials=8, sampler="tpe")
    sweep(cold, execution)
    assert trials(found[2]) != trials(found[1])[len(within) :]
    again = sweep(warm, execution)  # though the store has more by now, its own trials among it
    assert trials(found[3]) == trials(found[1])
    assert again.cached == again.combinations
    more = sweep(search(trials=16, sampler="tpe", warm_start=True), execution)
    assert trials(found[4])[: summary.combinations] == trials(found[1])
    assert more.cached == summary.combinations


def test_a_warm_start_takes_all_if_fewer_are_left_than_trials(search, at, found, caplog):
    execution, grid = at("a"), {"learning_rates": (0.1, 0.5), "batch_sizes": (16, 32, 64), "max_epochs": 2}
    sweep(search(**grid, trials=10), execution)
    summary = sweep(search(**grid, trials=12, sampler="tpe", warm_start=True), execution)
    assert len(summary.earlier) == summary.cached == 10
    assert set(trials(found[1])) == set(search(**grid).combinations)
    assert "2 trials, not 12: no combination of these axes is left" in caplog.text


def test_there_is_no_warm_start_from_another_experiment(search, at):
    execution = at("a")
    sweep(search(trials=2), execution)
    for other in ({"patience": 5}, {"seed": 542}, {"learning_rates": (5.0,)}, {"validation_fraction": 0.3}):
        with pytest.raises(InputError, match=r"warm_start: no sweep in .* leave warm_start out"):
            sweep(search(trials=4, sampler="tpe", warm_start=True, **other), execution)
    assert not (execution.artifacts / "earlier").exists()


def test_a_batch_that_diverges_as_a_whole_does_not_end_a_halved_search(search, at, found):
    rates = (0.1, *np.linspace(2e38, 3.3e38, 8))
    about = {"learning_rates": rates, "batch_sizes": (16, 32, 64), "alphas": (0.0,), "max_epochs": 3}
    seed = next(
        n for n in range(99) if 0.1 not in {c.learning_rate for c in draw(search(**about).grid, "tpe", n, [], 8)}
    )
    summary = sweep(search(trials=27, sampler="tpe", halving=2, first_rung=2, seed=seed, **about), at("a"))
    assert all(candidate.diverged for candidate in found[0].candidates[:BATCH])
    assert summary.diverged == 24
    assert summary.best.learning_rate == 0.1


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_search_stops_where_only_noise_is_left_and_says_so(search, at, found, sampler):
    narrow = {"learning_rates": "0.1:0.3", "batch_sizes": (16,), "alphas": (0.0,), "sampler": sampler}
    execution = at("a")
    stopped = sweep(search(trials=48, stop_when_noise=True, **narrow), execution)
    assert BATCH < stopped.combinations < 48
    assert stopped.stopped.trials == 48
    assert stopped.stopped.gain <= stopped.stopped.standard_error
    for name in ("summary.json", "report.html"):
        assert "stopped" in latest(execution, name).decode()
    assert dict(facts(stopped))["search"].startswith(f"{stopped.combinations} drawn, sampler {sampler}; stopped before")
    again = sweep(search(trials=stopped.combinations, **narrow), execution)
    assert again.cached == again.combinations == stopped.combinations
    assert trials(found[0]) == trials(found[1])
