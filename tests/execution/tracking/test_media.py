"""Pictures, tables and versions that cannot be logged, or that nobody wants."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from execution.tracking import artifacts, media
from experiment.values import Artifact


def broken(*_, **__):
    raise OSError("no room")


@pytest.fixture
def run():
    """A run that can log nothing."""
    return SimpleNamespace(id="r", disabled=False, notes=None, log=broken, log_artifact=broken, _log_artifact=broken)


def test_what_cannot_be_logged_costs_one_warning(run_context, run, caplog):
    data = Artifact(name="d", kind="dataset", contents={}, about={})
    media.show(run_context, run, "table", lambda: 1)
    media.show(run_context, run, "table", broken)
    media.show_picture(run_context, run, "picture", b"no picture")
    artifacts.log_artifact(run_context, run, data, made=True)
    artifacts.log_artifact(run_context, run, data, made=False)
    (said,) = caplog.messages
    assert said.startswith("W&B: table of run r could not be logged (no room). Tracking goes on offline")


def test_where_nobody_tracks_nothing_is_made(run_context, run, caplog):
    run.disabled = True
    media.show(run_context, run, "table", broken)
    media.show_picture(run_context, run, "picture", b"no picture")
    media.note(run_context, run, ["words"])
    artifacts.log_artifact(run_context, run, Artifact(name="d", kind="dataset", contents={}, about={}), made=True)
    assert not caplog.messages
    assert run.notes is None


def test_a_table_has_nothing_where_there_is_no_finite_number():
    frame = pd.DataFrame({"loss": [1.0, np.inf, np.nan], "diverged": [False, True, None], "rank": [1, 2, 3]})
    assert media.table(frame).data == [[1.0, False, 1], [None, True, 2], [None, None, 3]]


def test_of_many_classes_the_pairs_that_occurred_are_shown():
    names = [str(k) for k in range(101)]
    chart = media.confusion(np.eye(101, dtype=int), names)
    assert chart.table.data == [[name, name, 1] for name in names]
    assert len(media.confusion(np.eye(3, dtype=int), names[:3]).table.data) == 9


def test_the_analysis_is_noted_once(run_context, run):
    run.notes = "the user's"
    media.note(run_context, run, ["one", "two"])
    media.note(run_context, run, ["one", "two"])
    assert run.notes == "the user's\n\none\n\ntwo"


def test_a_name_that_w_and_b_would_refuse_is_made_one_that_it_takes(run_context):
    artifact = Artifact(name="cpu (2) é/" + "x" * 200, kind="dataset", contents={}, about={})
    assert artifacts.version_of(run_context, artifact).name == ("cpu-2-" + "x" * 200)[:128]
