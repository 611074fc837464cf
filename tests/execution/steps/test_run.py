"""What a step's run does around its body."""

from types import SimpleNamespace

import pytest

from execution.orchestration.run_state import RunState
from execution.steps.run import TaskRun
from experiment.axes import Combination
from softmax.sgd import Metrics

SETTINGS = {
    **Combination(learning_rate=0.1, batch_size=8, alpha=0.0).model_dump(), "seed": 5, "patience": 2, "max_epochs": 9,
}  # fmt: skip


def epochs(state, stop):
    """A training that has had two epochs, and ends after five."""
    history = [Metrics(1, 1.0, 1.0, 0.5), Metrics(2, 1.0, 1.0, 0.5)]
    for epoch in (3, 4, 5):
        history.append(Metrics(epoch, 1.0, 1.0 / epoch, 0.5))
        yield SimpleNamespace(history=history)


def test_while_a_training_goes_on_its_flow_run_knows_how_far_it_is(run_context, monkeypatch):
    monkeypatch.setattr(RunState, "seconds_between_looks", 0.0)
    run = TaskRun(run_context, "identity", SimpleNamespace(config=SETTINGS), SETTINGS, limited=True)
    seen = []
    for _ in run.watched(epochs)(state=SimpleNamespace(history=[None, None]), stop=lambda: False):
        (standing,) = run_context.state.standings()
        seen.append((standing.combination.learning_rate, standing.seed, standing.before, standing.epochs))
    assert seen == [(0.1, 5, 2, 3), (0.1, 5, 2, 4), (0.1, 5, 2, 5)]
    assert list(run_context.state.standings()) == []


def test_what_fails_is_no_longer_under_way(run_context, monkeypatch):
    monkeypatch.setattr(RunState, "seconds_between_looks", 0.0)

    def failing(state, stop):
        yield from epochs(state, stop)
        raise OSError

    run = TaskRun(run_context, "identity", SimpleNamespace(config=SETTINGS), SETTINGS, limited=True)
    with pytest.raises(OSError):  # noqa: PT011  # of any kind
        list(run.watched(failing)(state=None, stop=lambda: False))
    assert list(run_context.state.standings()) == []


def test_short_trainings_cost_no_word(run_context, monkeypatch):
    monkeypatch.setattr(RunState, "stand", lambda *_: pytest.fail("it was told of"))
    run = TaskRun(run_context, "identity", SimpleNamespace(config=SETTINGS), SETTINGS, limited=True)
    assert len(list(run.watched(epochs)(state=None, stop=lambda: False))) == 3
