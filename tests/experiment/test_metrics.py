"""The figures that select, and their resamples, against scikit-learn."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from experiment.metrics import METRICS, Counted, MetricName
from experiment.resampling import RESAMPLES, Resampled, resamples
from experiment.results.trained import class_counts

SCIKIT_LEARN = {
    "val_accuracy": accuracy_score,
    "val_balanced_accuracy": balanced_accuracy_score,
    "val_macro_f1": lambda true, said: f1_score(true, said, average="macro"),
}


def test_each_metric_can_be_asked_for_by_its_name():
    assert get_args(MetricName) == tuple(METRICS)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_figures_are_scikit_learns(rows):
    true, said = np.array(rows).T
    losses = np.arange(len(rows), dtype=float)
    counts = Counted(*np.array(class_counts(true, said, 4)).T, losses.mean())
    for name, expected in SCIKIT_LEARN.items():
        assert METRICS[name].function(counts) == pytest.approx(expected(true, said))
    assert METRICS["val_loss"].goodness(counts) == -losses.mean()


def test_figures_of_resamples_are_those_of_the_rows_drawn():
    rng = np.random.default_rng(0)
    true, said = rng.integers(0, 4, 30), rng.integers(0, 4, (2, 30)).astype(np.uint8)
    losses = rng.uniform(size=(2, 30)).astype(np.float32)
    (drawn,) = resamples(30)
    assert drawn.shape == (30, RESAMPLES)
    assert (drawn.sum(axis=0) == 29).all()
    counts = Resampled(true, said, losses, 4, drawn)
    found = {name: metric.function(counts) for name, metric in METRICS.items()}
    for at in range(0, RESAMPLES, 50):
        rows = np.repeat(np.arange(30), drawn[:, at].astype(int))
        for model in range(2):
            for name, expected in SCIKIT_LEARN.items():
                assert found[name][model, at] == pytest.approx(expected(true[rows], said[model, rows]), rel=1e-5)
            assert found["val_loss"][model, at] == pytest.approx(losses[model, rows].mean(), rel=1e-5)
