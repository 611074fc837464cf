"""Labels keep their names, whatever they come as."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.data.labels import labels_of
from experiment.errors import DataError


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (np.array([2e19, 1e19, 3.0]), ("3", "10000000000000000000", "20000000000000000000")),
        (np.array([2**63 + 1, 2**63], np.uint64), ("9223372036854775808", "9223372036854775809")),
        (np.array([10, 9, -1]), ("-1", "9", "10")),
        (np.array(["10", "9", "001", "1"]), ("001", "1", "9", "10")),
        (np.array(["1.0", "2.0", "10.0"]), ("1", "2", "10")),
        (np.array([b"b", b"ant "]), ("ant", "b")),
        (np.array(["None", "NA", "nan"], object), ("NA", "None", "nan")),
        (np.array([True, False]), ("False", "True")),
        (np.array(["cafe\u0301", " b"]), ("b", "café")),
    ],
)
def test_names_are_kept_as_they_stand(values, names):
    found = labels_of(values, "the labels")
    assert found.names == names
    assert sorted(found.numbers.tolist()) == list(range(len(names)))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([0.5, 1.0], "0.5 is not a class"),
        (["0.5", "2"], "0.5 is not a class"),
        (["1", "1.0"], "'1' and '1.0' are both 1; write them in one way"),
        (["cow", " cow"], "' cow' and 'cow' are both cow"),
        (["café", "cafe\u0301"], r"'cafe\\u0301' and 'caf\\xe9' are both café"),
        ([b"k\xfc"], "is not UTF-8"),
        (np.array(["2026-01-01"], "M8[D]"), "dtype datetime64"),
        (["a", " "], "' ' is not the name of a class"),
    ],
)
def test_what_are_no_names_is_refused(values, says):
    with pytest.raises(DataError, match=f"the labels: .*{says}"):
        labels_of(np.array(values), "the labels")


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.text("ab1", min_size=1), min_size=1))
def test_each_row_has_its_own_name(values):
    texts = [str(value) for value in values]
    found = labels_of(np.array(texts, object), "the labels")
    assert [found.names[k] for k in found.numbers] == texts
