"""Two sweeps side by side, from made-up summaries."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from experiment.summary import Summary
from report.compared import compared, page

FIGURES = {
    "val_accuracy": 0.8, "val_cross_entropy": 0.5, "test_accuracy": 0.75, "test_loss": 0.6, "best_epoch": 9,
    "combinations": 4, "seconds": 3.0,
}  # fmt: skip
ORIGIN = {
    "data": {"digests": {"train images": "arrays/12", "test images": "arrays/34"}},
    "experiment": {"seed": 541, "max_epochs": 10}, "code": "ab" * 32, "commit": "cd" * 20, "python": "3.12.1",
    "packages": {"numpy": "2.4"},
}  # fmt: skip

SENTENCE = (
    r": (\S+) points \(95 % interval (\S+) to (\S+), p = (\S+)\): of the (\d+) test rows it alone is right on (\d+), "
    r"the other alone on (\d+)"
)


def summary(name, *, best="lr=0.1", provenance=None, **figures):
    known = FIGURES | figures
    return Summary.model_construct(name=name, best=best, provenance=ORIGIN | (provenance or {}), **known)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=300))
def test_the_difference_on_the_same_rows_is_that_of_the_rows_themselves(rows):
    ours, theirs = np.array(rows).T
    sentence = compared(summary("old"), summary("new"), ours, theirs)[0][0]
    said = re.search(SENTENCE, sentence)
    difference, low, high, p, count, alone, other_alone = map(float, said.groups())
    by_row = theirs.astype(int) - ours.astype(int)
    error = by_row.std() / np.sqrt(len(by_row))
    assert difference == pytest.approx(100 * by_row.mean(), abs=0.0051)
    assert (low, high) == pytest.approx(tuple(100 * (by_row.mean() + at * error) for at in (-1.96, 1.96)), abs=0.0051)
    differing = int((ours != theirs).sum())
    expected = binomtest(int((by_row > 0).sum()), differing).pvalue if differing else 1.0
    assert p == pytest.approx(expected, rel=0.06)
    assert (count, alone, other_alone) == (len(rows), (by_row > 0).sum(), (by_row < 0).sum())


def test_figures_differ_by_the_second_minus_the_first():
    _, rows = compared(summary("old"), summary("new", test_accuracy=0.7642, test_loss=0.55, best_epoch=7), None, None)
    said = {row[0]: row[1:] for row in rows}
    assert said["sweep"] == ("old", "new", "difference")
    assert said["test accuracy"] == ("75.00%", "76.42%", "+1.42 points")
    assert said["test cross-entropy"] == ("0.6000", "0.5500", "-0.0500")
    assert said["best epoch"] == ("9", "7", "-2")
    assert said["validation accuracy"] == ("80.00%", "80.00%", "the same")


@pytest.mark.parametrize(
    ("other", "changed"),
    [
        ({}, "Data, settings, code and packages are the same."),
        ({"experiment": {"seed": 542, "max_epochs": 10}}, "What changed: settings."),
        ({"experiment": {"seed": 541}, "packages": {"numpy": "2.5"}}, "What changed: settings, packages."),
        ({"code": "ef" * 32}, "What changed: code."),
        ({"commit": "ab" * 20}, "What changed: commit."),
        ({"data": {"digests": {"train images": "arrays/56", "test images": "arrays/34"}}}, "What changed: data."),
    ],
)
def test_what_changed_is_named(other, changed):
    sentences, rows = compared(summary("old"), summary("new", provenance=other), None, None)
    assert sentences == ["Which test rows each has right is not known: run the older one again.", changed]
    assert any(row[3] == "differs" for row in rows) == bool(other)


def test_other_test_rows_are_not_compared():
    other = {"data": {"digests": {"train images": "arrays/12", "test images": "arrays/78"}}}
    rows = np.array([True, False])
    sentences, table = compared(summary("old"), summary("new", provenance=other, test_accuracy=0.9), rows, rows)
    assert sentences[0].startswith("Their test rows are not the same")
    assert ("test accuracy", "75.00%", "90.00%", "") in table


def test_the_page_escapes_what_a_sweep_is_called():
    made = page(*compared(summary("<b>old"), summary("new"), None, None)).decode()
    assert "&lt;b&gt;old" in made
    assert "<b>old" not in made
