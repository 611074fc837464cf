"""A data set as a reader found it, before labels are encoded and a test part is split off."""

from typing import Any, NamedTuple

from numpy.typing import NDArray

from experiment.data.schema import Schema


class Part(NamedTuple):
    """Some examples and where they came from, for messages."""

    values: NDArray[Any]  # (n, m), real and finite
    labels: NDArray[Any]  # (n,) of any kind
    where: str
    labels_where: str


class Raw(NamedTuple):
    """What a reader returns."""

    train: Part
    test: Part | None = None  # None: to be split off
    table: Schema | None = None  # what its columns are; None: arrays, whose features have no names
    picture: tuple[int, int] | None = None  # height and width of examples that are pictures; None: features
    notes: tuple[str, ...] = ()  # what is to be said of how it was read
    warning: str = ""  # what is to be warned of
    new: NDArray[Any] | None = None  # examples without labels, to predict
