import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import f_classif

from report.leaderboard import importance


def table(accuracy, diverged=lambda *_: False):
    points = itertools.product([0.1, 0.01], [8, 16, 32], [0.0, 0.01])
    columns = ["learning_rate", "batch_size", "alpha", "val_accuracy", "diverged"]
    return pd.DataFrame([(*point, accuracy(*point), diverged(*point)) for point in points], columns=columns)


def test_what_alone_decides_has_all_the_importance():
    shares = importance(table(lambda rate, size, alpha: 0.8 - alpha))
    assert shares == pytest.approx({"learning_rate": 0, "batch_size": 0, "alpha": 1})


def test_shares_are_those_of_an_analysis_of_variance():
    rng = np.random.default_rng(0)
    data = table(lambda *_: rng.uniform())
    for name, share in importance(data).items():
        groups = data[name].to_numpy()
        (f,), _ = f_classif(data[["val_accuracy"]], groups)
        between, within = len(set(groups)) - 1, len(data) - len(set(groups))
        assert share == pytest.approx(f * between / (f * between + within))


def test_what_diverged_does_not_count_and_what_is_constant_has_no_importance():
    shares = importance(table(lambda rate, *_: 0.5 if rate == 0.01 else 0.1, diverged=lambda rate, *_: rate == 0.1))
    assert set(shares.values()) == {0.0}
