"""An axis given as values or as a range: what is taken, what is refused, and what a form is told."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.utilities.schema_tools import validate
from prefect.utilities.schema_tools.validation import ValidationError as Refused
from pydantic import ValidationError

from experiment.axes import AXES
from experiment.config import Experiment
from experiment.search.space import Range, contains, extent, points, size

ENDS = st.tuples(st.floats(1e-30, 1e30), st.floats(1e-30, 1e30)).map(sorted).filter(lambda ends: ends[0] < ends[1])


def experiment(**given):
    return Experiment.model_validate(given)


@given(ENDS)
def test_a_range_comes_back_from_text_from_a_list_and_from_json(ends):
    text = f"{ends[0]!r}:{ends[1]!r}"
    first = experiment(learning_rates=text, alphas=[text])
    assert (first.grid["learning_rate"].low, first.grid["learning_rate"].high) == tuple(ends)
    assert extent(first.grid["alpha"]) == tuple(ends)
    assert (
        experiment(learning_rates=str(first.grid["learning_rate"])).grid["learning_rate"] == first.grid["learning_rate"]
    )
    assert Experiment.model_validate_json(first.model_dump_json()) == first


def test_a_range_of_integers_has_integers_and_is_written_without_a_point():
    sizes = experiment(batch_sizes="8:64").grid["batch_size"]
    assert (sizes.low, sizes.high, sizes.integral) == (8, 64, True)
    assert str(experiment(learning_rates="1:8").grid["learning_rate"]) == "1:8"


@pytest.mark.parametrize(
    ("field", "given", "says"),
    [
        ("learning_rates", "1:0.1", "the range is reversed: write 0.1:1"),
        ("learning_rates", "0.1:0.1", "the range has one value only: write 0.1"),
        ("learning_rates", "1:", "write a range as LOW:HIGH"),
        ("learning_rates", ":1", "write a range as LOW:HIGH"),
        ("learning_rates", ":", "write a range as LOW:HIGH"),
        ("learning_rates", "0.1:1:2", "write a range as LOW:HIGH"),
        ("learning_rates", ["0.1:1", "5"], "write a range as LOW:HIGH"),
        ("learning_rates", "0:1", "greater than 0"),
        ("learning_rates", "-1:1", "greater than 0"),
        ("learning_rates", "nan:1", "finite number"),
        ("learning_rates", "0.1:inf", "finite number"),
        ("learning_rates", "0.1:1e39", "less than or equal to"),
        ("learning_rates", "slow:fast", "valid number"),
        ("learning_rates", {"low": 0.1}, "required"),
        ("alphas", "0:0.1", "a range on a logarithmic scale cannot start at 0"),
        ("alphas", "-0.1:0.1", "greater than or equal to 0"),
        ("batch_sizes", "0:8", "greater than or equal to 1"),
        ("batch_sizes", "2.5:8", "valid integer"),
    ],
)
def test_an_impossible_range_is_refused_by_field(field, given, says):
    with pytest.raises(ValidationError) as refused:
        experiment(**{field: given})
    assert all(error["loc"][0] == field for error in refused.value.errors())
    assert says in str(refused.value)


def test_prefects_form_takes_values_and_ranges_within_bounds():
    schema = Experiment.model_json_schema()
    for axis in AXES.values():
        if axis.scale != "category":
            several, one, none = schema["properties"][axis.plural]["anyOf"]
            assert none == {"type": "null"}
            assert several["type"] == "array"
            assert set(schema["$defs"][one["$ref"].split("/")[-1]]["properties"]) == {"low", "high"}
    for possible in ([0.1, 1], {"low": 0.1, "high": 1}, None):
        validate({"learning_rates": possible}, schema, raise_on_error=True)
    for impossible in ([], [0], [0.1, 0.1], {"low": 0, "high": 1}, {"low": 0.1}, "0.1"):
        with pytest.raises(Refused):
            validate({"learning_rates": impossible}, schema, raise_on_error=True)


def test_how_many_combinations_there_are_and_which():
    values = experiment(learning_rates=(1, 2), batch_sizes="3:4", alphas=(0,)).grid
    assert size(values) == 4
    assert [point[:3] for point in points(values)] == [(1, 3, 0), (1, 4, 0), (2, 3, 0), (2, 4, 0)]
    assert size(experiment(alphas="0.1:1").grid) == math.inf


def test_a_range_contains_its_ends_and_values_contain_themselves():
    some = Range(low=0.1, high=1.0)
    assert [contains(some, value) for value in (0.05, 0.1, 0.5, 1, 1.1)] == [False, True, True, True, False]
    assert [contains((0.1, 1.0), value) for value in (0.1, 0.5)] == [True, False]
