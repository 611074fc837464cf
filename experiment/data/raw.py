"""A data set as read, before labels are encoded and a test part is split off."""

from typing import Any, NamedTuple

from numpy.typing import NDArray

from experiment.data.schema import Schema


class Part(NamedTuple):
    """Examples and their origin, for messages."""

    values: NDArray[Any]  # (n, m), real and finite
    labels: NDArray[Any]  # (n,) of any kind
    where: str
    labels_where: str


class Raw(NamedTuple):
    """The result of a reader."""

    train: Part
    test: Part | None = None  # None: to be split off
    table: Schema | None = None  # its columns; None: arrays, whose features have no names
    picture: tuple[int, int] | None = None  # height and width of pictures; None: features
    notes: tuple[str, ...] = ()  # about how it was read
    warning: str = ""
    new: NDArray[Any] | None = None  # examples without labels, to predict
