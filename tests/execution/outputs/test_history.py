"""The history is a person's to annotate, and no sweep fails for it."""

import csv
import logging

import pytest

from execution.outputs import history
from execution.storage.local import LocalStorage
from experiment.config import Experiment
from tests.report.page.made_sweep import made_sweep

LINE = dict.fromkeys(("finished", "experiment", "name", *history.FIGURES), "1")


@pytest.fixture
def path(tmp_path):
    """Of a history with a line."""
    history.add(LocalStorage(root=tmp_path), LINE)
    return tmp_path / "sweeps" / "history.csv"


def lines(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def add(path):
    return history.add(LocalStorage(root=path.parents[1]), LINE | {"finished": "2"})


def test_a_column_and_a_byte_order_mark_of_a_persons_stay_out_of_the_way(path):
    header, line = path.read_text().splitlines()
    path.write_text(f'{header},note\n{line},"good, I think"\n', encoding="utf-8-sig")
    assert add(path) == [LINE | {"note": "good, I think"}]
    assert lines(path) == [LINE | {"note": "good, I think"}, LINE | {"finished": "2", "note": ""}]


def test_that_of_a_release_with_fewer_columns_goes_on(path):
    more = LINE | {"seconds": "9"}
    assert history.add(LocalStorage(root=path.parents[1]), more) == [LINE]
    assert lines(path) == [LINE | {"seconds": ""}, more]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a;b\n1;2\n", b"a,b\n1,2,3\n", b'a,b\n"1', b"\x00,\n"])
def test_what_is_no_history_is_set_aside_whole_and_begun_anew(path, content, caplog):
    path.write_bytes(content)
    assert add(path) == []
    assert lines(path) == [LINE | {"finished": "2"}]
    (aside,) = path.parent.glob("history.csv.bad-*")
    assert aside.read_bytes() == content
    assert "started anew" in caplog.text


def test_a_line_that_cannot_be_written_is_a_warning(path, run_context, caplog, monkeypatch):
    monkeypatch.setattr(history, "add", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with caplog.at_level(logging.WARNING):
        assert history.remember(run_context, Experiment(), made_sweep().summary) is None
    assert "has no line for this run: disk full" in caplog.text
