"""Features to inputs, against scikit-learn's own, and what `auto` takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.preprocessing._data import _is_constant_feature

from experiment.data.scaling import choose, fit, scaled
from experiment.errors import DataError

RNG = np.random.default_rng(0)
LEVELS = RNG.integers(0, 256, (50, 64), dtype=np.uint8)


@given(
    arrays(np.float64, (7, 3), elements=st.floats(-1e100, 1e100).map(lambda x: x if abs(x) > 1e-100 else 0.0)),
    st.sampled_from([0.0, 1.0, 1e9]),
    st.floats(-2e-16, 2e-16),
)
def test_standardized_inputs_are_scikit_learns_but_for_constant_features(values, level, rounding):
    values[:, 2] = level * (1 + rounding * np.arange(7))  # up to rounding
    inputs = scaled(fit("standardize", values), values)
    scaler = StandardScaler().fit(values)
    constant = _is_constant_feature(scaler.var_, scaler.mean_, len(values))
    expected = np.where(constant, 0, scaler.transform(values))
    clear = np.sqrt(scaler.var_) > 1e-6 * np.abs(values).max(axis=0)
    np.testing.assert_allclose(inputs[:, clear | constant], expected[:, clear | constant], atol=1e-5)
    assert constant[2]
    assert inputs.dtype == np.float32


def test_large_numbers_close_together_are_told_apart_before_the_cast():
    values = 1.7e9 + RNG.standard_normal((300, 2))
    inputs = scaled(fit("standardize", values), values)
    assert len(np.unique(inputs)) > 590
    np.testing.assert_allclose(inputs.std(axis=0), 1, rtol=1e-4)


def test_a_feature_that_is_constant_where_trained_is_zero_everywhere():
    scaling = fit("standardize", np.array([[1.0, 5.0], [2.0, 5.0]]))
    np.testing.assert_array_equal(scaled(scaling, np.array([[1.5, 7e30]])), [[0, 0]])


@pytest.mark.parametrize(
    ("values", "pictures", "kind"),
    [
        (LEVELS, True, "grey-levels"),
        (LEVELS.astype(np.float32), True, "grey-levels"),
        (LEVELS.astype(np.float64), False, "standardize"),  # a table's counts
        (LEVELS // 16, True, "standardize"),  # levels 0–15 would be all but black
        (LEVELS / 255, True, "unit"),
        (LEVELS / 255, False, "standardize"),
        (LEVELS / 200, True, "standardize"),
        (LEVELS - 300.0, True, "standardize"),
        (LEVELS * 0.99, True, "grey-levels"),  # resized, say
        (LEVELS.astype(np.int64) + 1, True, "standardize"),
    ],
)
def test_what_auto_takes(values, pictures, kind):
    assert choose(values, pictures)[0] == kind


def test_formulas():
    assert scaled(fit("grey-levels", LEVELS), LEVELS)[3, 4] == np.float32(LEVELS[3, 4] / 255) - np.float32(0.5)
    np.testing.assert_allclose(scaled(fit("unit", LEVELS), LEVELS / 255), LEVELS / 255 - 0.5, atol=1e-7)
    np.testing.assert_array_equal(scaled(fit("none", LEVELS), LEVELS), LEVELS)


@pytest.mark.parametrize("kind", ["none", "unit", "standardize"])
def test_an_input_beyond_float32_is_named(kind):
    values = np.array([[0.0, 1.0], [1.0, 2.0], [0.5, 1e60]])
    with pytest.raises(DataError, match=r"row 3, feature 1: 1e\+60 is beyond float32"):
        scaled(fit(kind, values[:2]), values)


@given(
    arrays(np.float64, (9, 4), elements=st.sampled_from([np.nan, 1.0, 2.5, -3.0, 7.0])),
    arrays(np.float64, (5, 4), elements=st.sampled_from([np.nan, 0.0, 2.5])),
    st.sampled_from(["mean", "most-frequent"]),
)
def test_missing_values_are_filled_in_as_scikit_learn_does(values, later, missing):
    imputer = SimpleImputer(strategy=missing.replace("-", "_"), keep_empty_features=True)
    expected = make_pipeline(imputer, StandardScaler()).fit(values)
    scaling = fit("standardize", values, missing)
    varies = scaling.statistics[1] < np.inf
    for rows in (values, later):
        np.testing.assert_allclose(scaled(scaling, rows)[:, varies], expected.transform(rows)[:, varies], atol=1e-6)
        assert not scaled(scaling, rows)[:, ~varies].any()
