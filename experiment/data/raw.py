"""A data set as a reader found it, before labels are encoded and a test part is split off."""

from typing import Any, NamedTuple

from numpy.typing import NDArray

from experiment.values import Frozen


class Column(Frozen):
    """A column of a table: numbers, or texts out of `categories`, which become a feature each."""

    name: str
    categories: tuple[str, ...] | None = None

    @property
    def features(self) -> tuple[str, ...]:
        return (self.name,) if self.categories is None else tuple(f"{self.name}={text}" for text in self.categories)


class Part(NamedTuple):
    """Some examples and where they came from, for messages."""

    values: NDArray[Any]  # (n, m), real and finite
    labels: NDArray[Any]  # (n,) of any kind
    where: str
    labels_where: str


class Raw(NamedTuple):
    """What a reader returns."""

    train: Part
    test: Part | None  # None: to be split off
    columns: tuple[Column, ...]  # of a table; () for arrays, whose features have no names
    label: str  # the name of a table's label column
    pictures: bool  # whether rows are known to be pictures, or levels as pictures have them
    class_names: tuple[str, ...] = ()  # of the labels in their order, where they are only numbered
