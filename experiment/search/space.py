"""The search space: for each axis values to try, or a range to draw from."""

import itertools
import math
from collections.abc import Iterable, Mapping
from operator import getitem
from typing import Annotated, Any, TypeAlias

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
    create_model,
    model_validator,
)

from experiment.values import Frozen, text


class Range(Frozen):
    """The numbers from `low` to `high`, both included. As text: LOW:HIGH."""

    low: Any  # subclasses have the type and bounds of their axis
    high: Any

    @model_validator(mode="before")
    @classmethod
    def parsed(cls, given: Any) -> Any:
        """Accept "0.001:1", alone or in a list, as a command line gives it."""
        if not (texts := range_texts(given)):
            return given
        ends = texts[0].split(":")
        if len(texts) > 1 or len(ends) != 2 or not all(end.strip() for end in ends):
            raise ValueError("write a range as LOW:HIGH, such as 0.001:1, without other values")
        return dict(zip(("low", "high"), ends, strict=True))

    @model_validator(mode="after")
    def upwards(self) -> "Range":
        if self.low > self.high:
            raise ValueError(f"the range is reversed: write {self.high:g}:{self.low:g}")
        if self.low == self.high:
            raise ValueError(f"the range has one value only: write {self.low:g}")
        return self

    def __str__(self) -> str:
        return ":".join(str(end).removesuffix(".0") for end in (self.low, self.high))

    @property
    def integral(self) -> bool:
        return isinstance(self.low, int)


Values: TypeAlias = tuple[Any, ...] | Range
Space: TypeAlias = Mapping[str, Values]  # by the hyperparameter's name


def range_texts(given: Any) -> list[str]:
    """The given texts, if one of them contains a colon; otherwise []."""
    texts = [given] if isinstance(given, str) else given if isinstance(given, list | tuple) else []
    return [str(text) for text in texts] if any(isinstance(text, str) and ":" in text for text in texts) else []


def logarithmic(values: Range) -> Range:
    """The range; ValueError unless its logarithm is finite."""
    if values.low <= 0:
        raise ValueError("a range on a logarithmic scale cannot start at 0: start above 0, or give values")
    return values


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values; ValueError if one occurs twice."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{text(values[values.index(value)])} occurs twice: give each value once")
    return values


def kind(given: Any) -> str:
    """The tag of the union in `ValuesOrRange`."""
    if given is None:
        return "default"
    return "range" if isinstance(given, dict | Range) or range_texts(given) else "values"


def several(value: Any) -> Any:
    """The type of a non-empty tuple of distinct values."""
    once = Field(min_length=1, json_schema_extra={"uniqueItems": True})
    return getitem(Annotated, (tuple.__class_getitem__((value, ...)), once, AfterValidator(distinct)))


class ValuesOrRange:
    """An annotation of `tuple[value, ...]` that also allows a range of such values, or None.

    The type itself is no union: the command line reads it to see that the flag takes several words.
    """

    def __init__(self, name: str, value: Any, log: bool) -> None:
        ends: dict[str, Any] = {"low": (value, ...), "high": (value, ...)}
        checks = [AfterValidator(logarithmic)] if log else []
        one = getitem(Annotated, (create_model(name, __base__=Range, **ends), *checks, Tag("range")))
        values = getitem(Annotated, (several(value), Tag("values")))
        none = Annotated[None, Tag("default")]
        self.either = getitem(Annotated, (values | one | none, Discriminator(kind)))  # type: ignore[operator]  # mypy infers object

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return handler.generate_schema(self.either)

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core_schema)
        return {"anyOf": schema.pop("oneOf"), **schema}  # Prefect's form supports anyOf only


def extent(values: Values) -> tuple[Any, Any]:
    """The smallest and the largest value."""
    return (values.low, values.high) if isinstance(values, Range) else (min(values), max(values))


def contains(values: Values, value: Any) -> bool:
    return values.low <= value <= values.high if isinstance(values, Range) else value in values


def size(space: Space) -> float:
    """The number of combinations; infinity if there is a range of real numbers."""
    return math.prod(
        len(values) if not isinstance(values, Range) else values.high - values.low + 1 if values.integral else math.inf
        for values in space.values()
    )


def points(space: Space) -> Iterable[tuple[Any, ...]]:
    """The points of a finite space; the last axis varies fastest."""
    return itertools.product(
        *(range(values.low, values.high + 1) if isinstance(values, Range) else values for values in space.values())
    )
