"""The loop around a training: checkpoints, rows, progress, and stopping in the middle of an epoch."""

import math
from functools import partial
from typing import Any

import numpy as np
import pytest

from execution import prepare
from execution.cache import checkpoints
from execution.config import Execution
from execution.orchestration.run_state import RunState
from execution.steps import run as training
from execution.steps.run import Run
from experiment.axes import Combination
from experiment.config import Experiment
from experiment.errors import Interrupted
from softmax import sgd
from tests.trainings import train

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.uniform(-0.5, 0.5, (60, 5)).astype(np.float32), RNG.integers(0, 3, 60)
RECIPE: dict[str, Any] = {
    "classes": 3, "learning_rate": 0.1, "batch_size": 8, "alpha": 0.0, "max_epochs": 9, "seed": 1,
}  # fmt: skip
EPOCHS = partial(train, IMAGES, LABELS, np.arange(40), np.arange(40, 60), engine="numpy", **RECIPE)


class Rows:
    """As much of a tracker as the loop needs."""

    def __init__(self):
        self.epochs = []
        self.summary = {}

    def log_epoch(self, row):
        self.epochs.append(row.epoch)

    def summarize(self, **figures):
        self.summary |= figures


def follow(execution, identity, tracker, epochs):
    return Run(execution, identity, tracker, {}, limited=False).follow(epochs)


@pytest.fixture
def execution(tmp_path):
    return prepare.run_context(Experiment(), Execution(artifacts=tmp_path, checkpoint_seconds=1000), "flow-run")


@pytest.mark.parametrize(
    ("validation", "rest"), [((0.5, 0.75, 0.4), "accuracy 75.00%"), ((math.nan,) * 3, "loss 0.6000")]
)
def test_an_epoch_of_the_final_model_has_no_words_on_validation(validation, rest):
    said = training.words(sgd.Metrics(7, 0.6, *validation), best_epoch=3)
    assert said.startswith("Epoch 7: train loss 0.6000")
    assert rest in said
    assert "nan" not in said


def test_stopped_in_an_epoch_it_goes_on_from_the_last_whole_one(execution, monkeypatch, caplog):
    monkeypatch.setattr(training, "LOOKS", 0)
    monkeypatch.setattr(training, "LOOKS_A_SECOND", math.inf)
    monkeypatch.setattr(sgd, "PART", 1)  # every batch is looked after
    monkeypatch.setattr(sgd, "STEP", 1)
    batches = 0
    epoch_of = sgd.implementation("numpy").sgd_epoch

    def counted(*arguments, **more):
        nonlocal batches
        batches += 1
        if batches == 5 * 3 + 2:  # 5 batches an epoch: in the middle of the fourth
            execution.state.request_stop()
        return epoch_of(*arguments, **more)

    monkeypatch.setattr(sgd.implementation("numpy"), "sgd_epoch", counted)
    rows = Rows()
    with pytest.raises(Interrupted, match="stopped after epoch 3"):
        follow(execution, "mine", rows, EPOCHS)
    assert rows.epochs == [1, 2, 3]
    assert len(checkpoints.load(execution.storage, "mine").history) == 3
    monkeypatch.undo()
    execution.state.forget()

    resumed, undisturbed = Rows(), Rows()
    with caplog.at_level("INFO", "sweep"):
        state = follow(execution, "mine", resumed, EPOCHS)
    assert "Resumes from epoch 3" in caplog.text
    assert resumed.epochs == list(range(1, 10))
    expected = follow(execution, "another", undisturbed, EPOCHS)
    assert state.history == expected.history
    assert state.best.W.tobytes() == expected.best.W.tobytes()


def test_stopped_before_the_first_epoch_ends_nothing_is_kept(execution):
    execution.state.request_stop()
    with pytest.raises(Interrupted, match="stopped after epoch 0"):
        follow(execution, "mine", Rows(), EPOCHS)
    assert checkpoints.load(execution.storage, "mine") is None


def test_a_checkpoint_is_written_as_often_as_is_asked_for(execution, monkeypatch):
    saved = []
    monkeypatch.setattr(checkpoints, "save", lambda storage, identity, state: saved.append(len(state.history)))
    follow(execution.model_copy(update={"checkpoint_seconds": 0}), "mine", Rows(), EPOCHS)
    assert saved == list(range(1, 10))


def test_a_runs_summary_knows_the_best_of_all_epochs(execution):
    run = Rows()
    history = follow(execution, "identity", run, EPOCHS).history
    best = {
        "val_accuracy": {"max": max(row.val_accuracy for row in history)},
        "val_loss": {"min": min(row.val_loss for row in history)},
    }
    assert run.summary == best


def test_without_validation_rows_there_is_no_best(execution):
    run = Rows()
    follow(execution, "identity", run, partial(train, IMAGES, LABELS, np.arange(60), None, engine="numpy", **RECIPE))
    assert run.summary == {}


@pytest.fixture
def limited(execution):
    """A run whose flow run hears how far it is."""
    tracker = Rows()
    tracker.config = Combination(learning_rate=0.1, batch_size=8, alpha=0.0).model_dump() | {
        "seed": 5, "patience": 2, "max_epochs": 9,
    }  # fmt: skip
    return Run(execution, "identity", tracker, tracker.config, limited=True)


def test_while_a_training_goes_on_its_flow_run_knows_how_far_it_is(limited, execution, monkeypatch):
    monkeypatch.setattr(RunState, "seconds_between_looks", 0.0)
    *_, at_two = EPOCHS(max_epochs=2)
    checkpoints.save(execution.storage, "identity", at_two)
    seen = []

    def epochs(**how):
        for state in EPOCHS(max_epochs=5, **how):
            yield state
            (standing,) = execution.state.standings()
            seen.append((standing.combination.learning_rate, standing.seed, standing.before, standing.epochs))

    limited.follow(epochs)
    assert seen == [(0.1, 5, 2, 3), (0.1, 5, 2, 4), (0.1, 5, 2, 5)]
    assert list(execution.state.standings()) == []


def test_what_fails_is_no_longer_under_way(limited, execution, monkeypatch):
    monkeypatch.setattr(RunState, "seconds_between_looks", 0.0)

    def failing(**how):
        yield from EPOCHS(max_epochs=5, **how)
        assert list(execution.state.standings())
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011  # of any kind
        limited.follow(failing)
    assert list(execution.state.standings()) == []


def test_short_trainings_cost_no_word(limited, monkeypatch):
    monkeypatch.setattr(RunState, "stand", lambda *_: pytest.fail("it was told of"))
    assert len(limited.follow(EPOCHS).history) == 9
