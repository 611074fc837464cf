"""Values unlike those trained on: told in one sentence, refused where pictures are on another scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.data.drift import check_scale, outliers
from experiment.errors import DataError

RNG = np.random.default_rng(0)
TRAINED = RNG.normal(size=(300, 4))
EXTREMES = np.stack([TRAINED.min(axis=0), TRAINED.max(axis=0)])
GREY, UNIT = np.array([[0.0] * 4, [255.0] * 4]), np.array([[0.0] * 4, [1.0] * 4])
LEVELS = RNG.integers(0, 256, (20, 4)).astype(np.uint8)


def test_values_like_those_trained_on_are_no_concern():
    assert outliers(EXTREMES, RNG.normal(size=(100, 4)), "test part") == ()
    assert outliers(EXTREMES, TRAINED[:1], "test part") == ()


def test_values_far_outside_are_counted_in_one_sentence():
    new = TRAINED[:50].copy()
    new[[3, 7], [2, 2]], new[7, 0] = 1e6, -1e6
    (said,) = outliers(EXTREMES, new, "new.csv", ["a", "b", "c", "d"])
    assert (
        "new.csv: 2 of 50 rows have values far outside the training range, 3 in 2 features, such as c 1e+06 in row 4"
        in said
    )


def test_a_feature_that_was_constant_is_no_concern():
    constant = np.array([[1.0, 0], [1 + 2e-16, 1]])
    assert outliers(constant, np.array([[7.0, 0.5]] * 20), "new.csv") == ()


def test_features_on_another_scale_are_told_by_their_range():
    (said,) = outliers(EXTREMES, TRAINED[:50] / 255, "new.csv")
    assert "on another scale?" in said


def test_one_feature_outside_its_training_range_in_most_rows_is_told():
    new = TRAINED[:50] + 10  # so that a thousandth is near the range, not far from it
    extremes = EXTREMES + 10
    assert outliers(extremes, new, "new.csv") == ()
    new[:, 2] /= 1000
    (said,) = outliers(extremes, new, "new.csv", ["a", "b", "c", "d"])
    assert "50 of 50 rows are outside the training range of c, " in said
    assert "(here 0.00" in said


@given(st.integers(0, 2**32 - 1), st.integers(20, 200), st.integers(10, 100), st.integers(1, 30))
def test_rows_of_the_same_kind_are_never_called_outside(seed, trained, n, features):
    rows = np.random.default_rng(seed).standard_normal((trained + n, features))
    first, new = rows[:trained], rows[trained:]
    said = outliers(np.stack([first.min(axis=0), first.max(axis=0)]), new, "new.csv")
    assert not any("are outside" in one for one in said)


def test_missing_values_do_not_hide_that_features_are_on_another_scale():
    new = TRAINED[:50] / 255
    new[3, 1] = np.nan
    (said,) = outliers(EXTREMES, new, "new.csv")
    assert "on another scale?" in said
    assert outliers(EXTREMES, np.full((50, 4), np.nan), "new.csv") == ()


def test_categories_do_not_hide_that_the_numbers_are_on_another_scale():
    flags = np.tile([[0.0], [1.0]], (25, 1))
    extremes = np.c_[EXTREMES, [0, 1]]
    (said,) = outliers(extremes, np.c_[TRAINED[:50] / 255, flags], "new.csv")
    assert "on another scale?" in said
    assert outliers(extremes, np.c_[TRAINED[:50], flags * 0], "new.csv") == ()


@pytest.mark.parametrize(
    ("extremes", "new"),
    [(GREY, LEVELS / 127.5 - 1), (UNIT, LEVELS / 127.5 - 1), (UNIT * 2 - 1, LEVELS), (GREY, LEVELS * 257.0)],
)
def test_pictures_on_other_scales_are_refused_without_a_factor(extremes, new):
    with pytest.raises(DataError, match=r"but training pictures in .*; bring them to the same scale"):
        check_scale(extremes, new, "test.npy")
    check_scale(np.stack([new.min(axis=0), new.max(axis=0)]), new, "test.npy")


@pytest.mark.parametrize(("extremes", "new"), [(GREY, LEVELS / 255), (UNIT, LEVELS)])
def test_pictures_on_another_scale_are_refused(extremes, new):
    with pytest.raises(DataError, match=r"test\.npy: pictures in 0 to .* by 255"):
        check_scale(extremes, new, "test.npy")
    for same in (extremes, np.zeros((3, 4))):
        check_scale(extremes, same, "test.npy")
