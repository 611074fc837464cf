"""What an axis may be given as: values to try, or a range to draw from."""

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
    """Every number from `low` to `high`, both included. As text: LOW:HIGH."""

    low: Any  # in an experiment as typed and bounded as its axis
    high: Any

    @model_validator(mode="before")
    @classmethod
    def parsed(cls, given: Any) -> Any:
        """Take "0.001:1", too, alone or as a command line has it: in a list."""
        if not (texts := written(given)):
            return given
        ends = texts[0].split(":")
        if len(texts) > 1 or len(ends) != 2 or not all(end.strip() for end in ends):
            raise ValueError("a range is written LOW:HIGH, 0.001:1 say, and stands alone")
        return dict(zip(("low", "high"), ends, strict=True))

    @model_validator(mode="after")
    def upwards(self) -> "Range":
        if self.low > self.high:
            raise ValueError(f"the range runs downwards: write {self.high:g}:{self.low:g}")
        if self.low == self.high:
            raise ValueError(f"the range has one value only: write {self.low:g}")
        return self

    def __str__(self) -> str:
        return ":".join(str(end).removesuffix(".0") for end in (self.low, self.high))

    @property
    def whole(self) -> bool:
        """Whether it is of integers."""
        return isinstance(self.low, int)


Values: TypeAlias = tuple[Any, ...] | Range
Space: TypeAlias = Mapping[str, Values]  # by the hyperparameter's name


def written(given: Any) -> list[str]:
    """Return the texts of what is meant for a range, as text; [] if it is not."""
    texts = [given] if isinstance(given, str) else given if isinstance(given, list | tuple) else []
    return [str(text) for text in texts] if any(isinstance(text, str) and ":" in text for text in texts) else []


def logarithmic(values: Range) -> Range:
    """Return the range; a ValueError refuses one that no logarithm reaches."""
    if values.low <= 0:
        raise ValueError("a range on a logarithmic scale cannot begin at 0: begin above it, or give values")
    return values


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the values as they are; a ValueError names one that stands there twice."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{text(values[values.index(value)])} stands here twice: give each value once")
    return values


def kind(given: Any) -> str:
    """Return which of the two it is meant for."""
    return "range" if isinstance(given, dict | Range) or written(given) else "values"


def several(value: Any) -> Any:
    """Return the type of at least one of these values, each once."""
    once = Field(min_length=1, json_schema_extra={"uniqueItems": True})
    return getitem(Annotated, (tuple.__class_getitem__((value, ...)), once, AfterValidator(distinct)))


class ValuesOrRange:
    """An annotation of `tuple[value, ...]`: a range of such values will do as well.

    No union in sight, for the command line reads the type and could not tell how many words belong to it.
    """

    def __init__(self, name: str, value: Any, log: bool) -> None:
        ends: dict[str, Any] = {"low": (value, ...), "high": (value, ...)}
        checks = [AfterValidator(logarithmic)] if log else []
        one = getitem(Annotated, (create_model(name, __base__=Range, **ends), *checks, Tag("range")))
        values = getitem(Annotated, (several(value), Tag("values")))
        self.either = getitem(Annotated, (values | one, Discriminator(kind)))  # type: ignore[operator]  # mypy takes them for objects

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return handler.generate_schema(self.either)

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core_schema)
        return {"anyOf": schema.pop("oneOf"), **schema}  # Prefect's form knows this one


def extent(values: Values) -> tuple[Any, Any]:
    """Return the least and the greatest."""
    return (values.low, values.high) if isinstance(values, Range) else (min(values), max(values))


def contains(values: Values, value: Any) -> bool:
    return values.low <= value <= values.high if isinstance(values, Range) else value in values


def size(space: Space) -> float:
    """Return how many combinations there are, infinity if there is a range of real numbers."""
    return math.prod(
        len(values) if not isinstance(values, Range) else values.high - values.low + 1 if values.whole else math.inf
        for values in space.values()
    )


def points(space: Space) -> Iterable[tuple[Any, ...]]:
    """Return the combinations of a space of finite size, the last axis moving fastest."""
    return itertools.product(
        *(range(values.low, values.high + 1) if isinstance(values, Range) else values for values in space.values())
    )
