"""Epochs, pictures, tables and versions as a W&B run is told of them, which may be unable to log them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from execution.tracking import wandb_tracker
from execution.tracking.wandb_tracker import WandbTracker
from experiment.values import Artifact
from softmax.sgd import Metrics


def broken(*_, **__):
    raise OSError("no room")


@pytest.fixture
def run():
    """A run that can log nothing."""
    return SimpleNamespace(id="r", config={}, notes=None, log=broken, log_artifact=broken, _log_artifact=broken)


@pytest.fixture
def tracker(run_context, run):
    return WandbTracker(run_context, run)


def test_what_cannot_be_logged_costs_one_warning(tracker, caplog):
    data = Artifact(name="d", kind="dataset", contents={}, about={})
    tracker.show("table", lambda: 1)
    tracker.show("table", broken)
    tracker.show_picture("picture", b"no picture")
    tracker.made(data)
    tracker.used(data)
    (said,) = caplog.messages
    assert said.startswith("W&B: table of run r could not be logged (no room). Tracking goes on offline")


@pytest.mark.parametrize("starting_step", [0, 3])
def test_every_epoch_is_in_a_run_once_and_is_the_axis_of_its_charts(run, run_context, starting_step):
    defined, logged = [], []
    run.starting_step, run.define_metric = starting_step, lambda name, **_: defined.append(name)
    run.log = lambda values, step, commit: logged.append((step, values["epoch"], commit, "val_loss" in values))
    tracker = WandbTracker(run_context, run)
    for epoch in (1, 2, 3, 4):
        tracker.log_epoch(Metrics(epoch, 1.0, 1.0 if epoch < 4 else np.nan, 0.5, 1.0))
    assert (
        logged
        == [(1, 1, True, True), (2, 2, True, True), (3, 3, True, True), (4, 4, True, False)][
            -2 if starting_step else 0 :
        ]
    )
    assert defined == ["epoch", "*"]


def test_a_table_has_nothing_where_there_is_no_finite_number():
    frame = pd.DataFrame({"loss": [1.0, np.inf, np.nan], "diverged": [False, True, None], "rank": [1, 2, 3]})
    assert wandb_tracker.table(frame).data == [[1.0, False, 1], [None, True, 2], [None, None, 3]]


def test_of_many_classes_the_pairs_that_occurred_are_shown():
    names = [str(k) for k in range(101)]
    chart = wandb_tracker.confusion(np.eye(101, dtype=int), names)
    assert chart.table.data == [[name, name, 1] for name in names]
    assert len(wandb_tracker.confusion(np.eye(3, dtype=int), names[:3]).table.data) == 9


def test_the_analysis_is_noted_once(tracker, run):
    run.notes = "the user's"
    tracker.note(["one", "two"])
    tracker.note(["one", "two"])
    assert run.notes == "the user's\n\none\n\ntwo"


def test_a_name_that_w_and_b_would_refuse_is_made_one_that_it_takes(run_context):
    artifact = Artifact(name="cpu (2) é/" + "x" * 200, kind="dataset", contents={}, about={})
    assert wandb_tracker.version_of(run_context, artifact).name == ("cpu-2-" + "x" * 200)[:128]
